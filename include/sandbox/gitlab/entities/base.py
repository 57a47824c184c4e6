"""Field kinds shared by all entities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainSerializer


def stamp(moment: datetime) -> str:
    """A moment as GitLab writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


Moment = Annotated[datetime, PlainSerializer(stamp, return_type=str)]
