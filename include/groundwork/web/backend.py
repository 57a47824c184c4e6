"""What the web app works with, handed in by whoever mounts it, and the records its reads share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from queue import LifoQueue

from groundwork.operations.services import Services
from groundwork.records import Records
from groundwork.settings import Settings

_CONNECTIONS = 4


@dataclass(frozen=True)
class Backend:
    """Where everything is. `services` opens what a look at GitLab and clusters needs; `airflow_url` is where
    this very web server can be reached, without a slash at the end.
    """

    settings: Settings
    database_url: Callable[[], str]
    services: Callable[[], AbstractContextManager[Services]]
    airflow_url: Callable[[], str]


class RecordsPool:
    """A few connections to the records that stay open; whoever finds all in use waits for one."""

    def __init__(self, database_url: Callable[[], str]) -> None:
        self._database_url = database_url
        self._free: LifoQueue[Records | None] = LifoQueue()
        for _ in range(_CONNECTIONS):
            self._free.put(None)

    @contextmanager
    def records(self) -> Iterator[Records]:
        """Records of one's own for the block."""
        records = self._free.get()
        try:
            if records is None:
                records = Records(self._database_url())
            yield records
        finally:
            self._free.put(records)
