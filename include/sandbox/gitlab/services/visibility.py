"""Visibility against the group above."""

from __future__ import annotations

from sandbox.gitlab.errors import InvalidFields, InvalidParameters
from sandbox.gitlab.rules.access import VISIBILITIES, wider
from sandbox.gitlab.store.tables import Namespace


def check(visibility: str, parent: Namespace | None) -> None:
    """Refuse what is more open than its group."""
    if visibility not in VISIBILITIES:
        raise InvalidParameters("visibility does not have a valid value")
    if parent is not None and parent.kind == "group" and wider(visibility, parent.visibility):
        reason = f"{visibility} is not allowed in a {parent.visibility} group."
        raise InvalidFields({"visibility_level": [reason]})
