"""What the list of projects and the page of a run look things up by."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0005"

# The expression is that of `records.listing`, word for word.
_SEARCH = """
CREATE INDEX projects_search_idx ON projects USING gin (
    to_tsvector('simple', regexp_replace(slug || ' ' || name, '[^[:alnum:]]+', ' ', 'g'))
)
"""
_REFUSALS = """
CREATE INDEX audit_events_refused_idx ON audit_events ((details->>'run_id'))
WHERE action = 'request.refused'
"""


def upgrade() -> None:
    for statement in (_SEARCH, _REFUSALS):
        op.execute(statement)
