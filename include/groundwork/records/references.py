"""Ids among references: a record is named by its id or by its slug. Pure."""

from __future__ import annotations

import re
from uuid import UUID

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def as_id(reference: str) -> UUID | None:
    """The id `reference` spells in full, or None if it can only be a slug or a name."""
    return UUID(reference) if _ID.fullmatch(reference) else None
