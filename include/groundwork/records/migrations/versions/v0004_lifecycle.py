"""Two more kinds of operations: `extend` adds environments to a project, `rotate` renews deploy tokens."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_KINDS = r"""
ALTER TABLE operations
    DROP CONSTRAINT operations_kind_known,
    ADD CONSTRAINT operations_kind_known CHECK (
        kind IN ('initialize', 'reconcile', 'repair', 'decommission', 'upgrade', 'extend', 'rotate')
    )
"""


def upgrade() -> None:
    op.execute(_KINDS)
