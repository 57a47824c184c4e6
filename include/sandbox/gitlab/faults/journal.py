"""The request journal: what was called, by whom, with which answer. Kept in memory, newest last."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime

from pydantic import BaseModel, Field

_KEPT = 100_000


class Entry(BaseModel):
    """One request as the server saw it. Query strings and headers are left out: they may hold secrets."""

    number: int
    at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    method: str
    path: str
    route: str = Field(description="The path with ids replaced, for counting.")
    caller: str
    status: int = Field(description="0 when the connection ended without an answer.")
    seconds: float
    fault: str | None = None


class Journal:
    """The latest requests, in the order they ended."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._guard = threading.Lock()
        self._count = 0

    def record(
        self, method: str, path: str, route: str, caller: str, status: int, seconds: float, fault: str | None
    ) -> None:
        """Add one request."""
        with self._guard:
            self._count += 1
            entry = Entry.model_construct(
                number=self._count,
                at=datetime.now(UTC),
                method=method,
                path=path,
                route=route,
                caller=caller,
                status=status,
                seconds=seconds,
                fault=fault,
            )
            self._entries.append(entry)

    def entries(self, after: int = 0) -> list[Entry]:
        """Requests with a number above `after`."""
        with self._guard:
            return [entry for entry in self._entries if entry.number > after]

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        with self._guard:
            self._entries.clear()
