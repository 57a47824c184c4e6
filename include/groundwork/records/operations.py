"""Operations: one run against a project. Opening takes the project's lease, closing gives it back."""

from __future__ import annotations

import builtins
from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import Operation, OperationKind
from groundwork.model.statuses import OperationStatus
from groundwork.records import audit, lease, opening, rows
from groundwork.records.connection import Database, Row, Transaction
from groundwork.records.specs import ProjectSpec, RunSpec
from groundwork.records.states import derive_project, locked_project
from groundwork.records.text import storable

_OPERATION = "SELECT * FROM operations WHERE id = %(id)s"
_LIST = """
SELECT * FROM operations
WHERE (project_id = %(project_id)s::uuid OR %(project_id)s::uuid IS NULL)
ORDER BY started_at DESC, id DESC
LIMIT %(limit)s
"""
_UNFINISHED = """
SELECT project_id FROM (
    SELECT DISTINCT ON (project_id) project_id, status FROM operations
    WHERE kind = %(kind)s
    ORDER BY project_id, started_at DESC
) AS last
WHERE status <> 'succeeded'
ORDER BY project_id
"""
_CLOSE = """
UPDATE operations
SET status = %(status)s, reason = %(reason)s, message = %(message)s, finished_at = clock_timestamp()
WHERE id = %(id)s
RETURNING *
"""
_END_DEAD = """
UPDATE operations
SET status = 'failed', finished_at = clock_timestamp(), reason = 'LeaseLost',
    message = 'The operation stopped renewing its lease and nobody has seen it since.'
WHERE project_id = %(project_id)s AND status = 'running'
RETURNING id
"""


class Operations:
    """Opens, closes and lists operations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, project: ProjectSpec, run: RunSpec) -> Operation:
        """Takes the project for this run, in one transaction: project row, operation row, lease.

        The same run again gets its operation back, running. Without `project_id` the slug must be free, or
        its project of the same organization must be abandoned with nothing made: then it is taken over under
        its id, with the new request. With `project_id` an existing project is run again, with the request's
        name and template; an unknown id becomes the new project's.

        Raises `InvalidRequest` if slug or organization do not fit, `ProjectBusy` while another operation
        holds the project.
        """
        with self._database.transaction() as transaction:
            return rows.operation(opening.open_for_request(transaction, project, run))

    def open_existing(self, project_id: UUID, run: RunSpec) -> Operation:
        """As `open`, for a project in the records, which stays as it was requested.

        Raises `NotFound`, `ProjectBusy`, and `Conflict` if the run was recorded for another project.
        """
        with self._database.transaction() as transaction:
            return rows.operation(opening.open_existing(transaction, project_id, run))

    def get(self, operation_id: UUID) -> Operation:
        """Raises `NotFound`."""
        with self._database.transaction() as transaction:
            return rows.operation(_operation(transaction, operation_id))

    def list(self, project_id: UUID | None = None, *, limit: int = 50) -> list[Operation]:
        """Of one project or of all, newest first."""
        with self._database.transaction() as transaction:
            found = transaction.all(_LIST, project_id=project_id, limit=limit)
        return [rows.operation(row) for row in found]

    def unfinished(self, kind: OperationKind) -> builtins.list[UUID]:
        """The projects whose last operation of this kind has not succeeded."""
        with self._database.transaction() as transaction:
            return [row["project_id"] for row in transaction.all(_UNFINISHED, kind=kind)]

    def close(
        self,
        operation_id: UUID,
        status: OperationStatus,
        reason: str | None = None,
        message: str | None = None,
    ) -> Operation:
        """Ends the operation and gives the lease back; `failed` needs reason and message.

        One that another operation took the project from has ended already and stays as that one left it.
        Raises `NotFound`.
        """
        with self._database.transaction() as transaction:
            project_id = lease.project_of(transaction, operation_id)
            locked_project(transaction, project_id)
            holder = lease.holder(transaction, project_id)
            if holder is None or holder["operation_id"] != operation_id:
                return rows.operation(_operation(transaction, operation_id))
            row = transaction.one(
                _CLOSE,
                id=operation_id,
                status=status,
                reason=reason,
                message=None if message is None else storable(message),
            )
            derive_project(transaction, project_id)
            lease.release(transaction, operation_id)
            details = {"status": status, "reason": reason, "message": row["message"]}
            audit.append(transaction, "groundwork", "operation.closed", project_id, operation_id, details)
        return rows.operation(row)

    def end_dead(self, project_id: UUID) -> bool:
        """Ends an operation of the project that is recorded as running and whose lease has run out.

        It may still take the project up again, as any last holder. Answers whether there was one.
        """
        with self._database.transaction() as transaction:
            locked_project(transaction, project_id)
            holder = lease.holder(transaction, project_id)
            if holder is not None and holder["live"]:
                return False
            ended = transaction.all(_END_DEAD, project_id=project_id)
            derive_project(transaction, project_id)
            for row in ended:
                details = {"status": OperationStatus.FAILED, "reason": "LeaseLost"}
                audit.append(transaction, "groundwork", "operation.closed", project_id, row["id"], details)
        return bool(ended)


def _operation(transaction: Transaction, operation_id: UUID) -> Row:
    row = transaction.maybe(_OPERATION, id=operation_id)
    if row is None:
        raise NotFound(f"There is no operation {operation_id} in the records.")
    return row
