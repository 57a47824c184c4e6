"""Alembic's entry: runs the revisions on the connection that `records.migrate` hands over.

All of a run is one transaction behind an advisory lock, so that two runs at once end as one, and a revision
that fails leaves nothing behind.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('groundwork records migration', 0))"


def _run(connection: Connection) -> None:
    context.configure(connection=connection, version_table=context.config.attributes["version_table"])
    with context.begin_transaction():
        connection.execute(text(_LOCK))
        context.run_migrations()


_run(context.config.attributes["connection"])
