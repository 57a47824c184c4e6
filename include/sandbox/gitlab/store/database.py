"""The database file: connections, transactions, durability.

One process owns the file. Writers queue on a lock and take SQLite's write lock at once
(`BEGIN IMMEDIATE`), so a transaction never fails half-way because another one wrote first.
WAL with `synchronous=NORMAL` keeps every acknowledged write when the process is killed; only a
crash of the machine itself may lose the last moments, never consistency.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.orm import Session

from sandbox.gitlab.store.base import Base


class Database:
    """Sessions on one SQLite file. `read()` sees a snapshot; `write()` commits on success."""

    def __init__(self, path: Path) -> None:
        self._engine = _engine(path)
        self._writers = threading.Lock()
        Base.metadata.create_all(self._engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one moment; whatever it changed is dropped. Rows stay readable afterwards."""
        with Session(self._engine, expire_on_commit=False, autoflush=False) as session:
            session.execute(text("BEGIN"))
            yield session
            session.expunge_all()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed when the block ends without an error."""
        with self._writers, Session(self._engine, expire_on_commit=False) as session:
            session.execute(text("BEGIN IMMEDIATE"))
            yield session
            session.commit()

    def close(self) -> None:
        """Return all connections."""
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,  # values may be secrets, and errors end up in the log
        connect_args={"timeout": 30, "check_same_thread": False},
        pool_size=64,
        max_overflow=0,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours: the driver opens none by itself
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
