"""The lease: one operation at a time may change a project.

A lease is one row per project with the holder and an expiry, told by the database's clock alone. An expired
lease is free to be taken; until somebody does, its last holder may take it up again, so that a task cleared
after the run ended carries on. Once taken by another, it is lost for good: what that operation knew is old.
"""

from __future__ import annotations

from uuid import UUID

from groundwork.errors import LeaseLost, NotFound, ProjectBusy
from groundwork.records.connection import Database, Row, Transaction
from groundwork.records.states import derive_project, locked_project

_PROJECT_OF = "SELECT project_id FROM operations WHERE id = %(operation_id)s"
_HOLDER = """
SELECT leases.*, operations.dag_id, operations.run_id, leases.expires_at > clock_timestamp() AS live
FROM leases JOIN operations ON operations.id = leases.operation_id
WHERE leases.project_id = %(project_id)s
"""
_TAKE = """
INSERT INTO leases (project_id, operation_id, expires_at)
VALUES (%(project_id)s, %(operation_id)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (project_id) DO UPDATE
    SET operation_id = excluded.operation_id, acquired_at = excluded.acquired_at,
        expires_at = excluded.expires_at
"""
_RENEW = """
UPDATE leases SET expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE operation_id = %(operation_id)s
"""
_REOPEN = """
UPDATE operations SET status = 'running', finished_at = NULL, reason = NULL, message = NULL
WHERE id = %(operation_id)s AND status <> 'running'
"""
_RELEASE = """
UPDATE leases SET expires_at = least(expires_at, clock_timestamp()) WHERE operation_id = %(operation_id)s
"""


class Lease:
    """Keeps and gives back the lease an operation took when it was opened."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def renew(self, operation_id: UUID, seconds: float) -> None:
        """Holds the project for at least `seconds` from now; a closed operation is running again.

        Raises `LeaseLost` if another operation has taken the project since, `NotFound` for an unknown one.
        """
        with self._database.transaction() as transaction:
            project_id = project_of(transaction, operation_id)
            locked_project(transaction, project_id)
            require_lease(transaction, project_id, operation_id)
            transaction.run(_RENEW, operation_id=operation_id, seconds=seconds)
            if transaction.run(_REOPEN, operation_id=operation_id):
                derive_project(transaction, project_id)

    def release(self, operation_id: UUID) -> None:
        """Lets the project go; nothing happens if the operation does not hold it."""
        with self._database.transaction() as transaction:
            release(transaction, operation_id)


def project_of(transaction: Transaction, operation_id: UUID) -> UUID:
    """The operation's project. Raises `NotFound`."""
    row = transaction.maybe(_PROJECT_OF, operation_id=operation_id)
    if row is None:
        raise NotFound(f"There is no operation {operation_id} in the records.")
    project_id: UUID = row["project_id"]
    return project_id


def holder(transaction: Transaction, project_id: UUID) -> Row | None:
    """The lease of a project, with the holder's run and whether it is `live`.

    Leases change hands only under `locked_project`, so with the project locked the answer stays true.
    """
    return transaction.maybe(_HOLDER, project_id=project_id)


def require_lease(transaction: Transaction, project_id: UUID, operation_id: UUID) -> None:
    """Raises `LeaseLost` unless `operation_id` was the last to take the project's lease."""
    lease = holder(transaction, project_id)
    if lease is None or lease["operation_id"] != operation_id:
        by = f"operation {lease['operation_id']} ({_run(lease)})" if lease else "nobody"
        raise LeaseLost(
            f"Operation {operation_id} no longer holds project {project_id}: {by} does."
            " What it still wanted to do was not done; run it again as a whole."
        )


def require_free(transaction: Transaction, project: Row, operation_id: UUID | None) -> None:
    """Raises `ProjectBusy` if an operation other than `operation_id` holds a live lease on the project."""
    lease = holder(transaction, project["id"])
    if lease is None or not lease["live"] or lease["operation_id"] == operation_id:
        return
    raise ProjectBusy(
        f"Project '{project['slug']}' is held by operation {lease['operation_id']} ({_run(lease)}) since"
        f" {lease['acquired_at']:%Y-%m-%d %H:%M:%S} UTC. Run this again when that one has ended; if it has"
        f" died, its lease ends at {lease['expires_at']:%Y-%m-%d %H:%M:%S} UTC."
    )


def take(transaction: Transaction, project_id: UUID, operation_id: UUID, seconds: float) -> None:
    """Gives the lease to `operation_id`; `require_free` must have passed in this transaction."""
    transaction.run(_TAKE, project_id=project_id, operation_id=operation_id, seconds=seconds)


def release(transaction: Transaction, operation_id: UUID) -> None:
    transaction.run(_RELEASE, operation_id=operation_id)


def _run(lease: Row) -> str:
    return f"DAG {lease['dag_id']}, run {lease['run_id']}"
