"""The audit trail: who did what. Rows are only ever added; the schema refuses anything else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.model.entities import AuditEvent
from groundwork.records import rows
from groundwork.records.connection import Database, Transaction, json

_APPEND = """
INSERT INTO audit_events (actor, action, project_id, operation_id, details)
VALUES (%(actor)s, %(action)s, %(project_id)s, %(operation_id)s, %(details)s)
RETURNING *
"""
# In the name of the operation that holds the project; without one it is Groundwork's own doing.
_CHANGED = """
INSERT INTO audit_events (actor, action, project_id, operation_id, details)
SELECT coalesce(operations.triggered_by, users.username, 'groundwork'), %(action)s, %(project_id)s,
       operations.id, %(details)s
FROM (VALUES (1)) AS once
LEFT JOIN leases ON leases.project_id = %(project_id)s AND leases.expires_at > clock_timestamp()
LEFT JOIN operations ON operations.id = leases.operation_id
LEFT JOIN users ON users.id = operations.requested_by
"""
_TIMELINE = """
SELECT * FROM audit_events WHERE project_id = %(project_id)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""


class Audit:
    """Appends to and reads the trail."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        actor: str,
        action: str,
        *,
        project_id: UUID | None = None,
        operation_id: UUID | None = None,
        details: dict[str, Any] | None = None,
    ) -> AuditEvent:
        """`action` is lower-case words joined by dots, what it was done to first: `project.requested`."""
        with self._database.transaction() as transaction:
            return append(transaction, actor, action, project_id, operation_id, details)

    def changed(self, project_id: UUID, action: str, details: dict[str, Any]) -> None:
        """A change of a project, in the name of the operation that holds it; see `append`."""
        with self._database.transaction() as transaction:
            changed(transaction, project_id, action, details)

    def timeline(self, project_id: UUID, *, after: int = 0, limit: int = 200) -> list[AuditEvent]:
        """A project's events, oldest first; `after` is the id of the last one seen."""
        with self._database.transaction() as transaction:
            found = transaction.all(_TIMELINE, project_id=project_id, after=after, limit=limit)
        return [rows.audit_event(row) for row in found]


def append(
    transaction: Transaction,
    actor: str,
    action: str,
    project_id: UUID | None = None,
    operation_id: UUID | None = None,
    details: dict[str, Any] | None = None,
) -> AuditEvent:
    """Adds an event that is to be there exactly if the transaction's other changes are."""
    row = transaction.one(
        _APPEND,
        actor=actor,
        action=action,
        project_id=project_id,
        operation_id=operation_id,
        details=json(details or {}),
    )
    return rows.audit_event(row)


def changed(transaction: Transaction, project_id: UUID, action: str, details: dict[str, Any]) -> None:
    """Adds a change of a project that is to be there exactly if the transaction's other changes are."""
    transaction.run(_CHANGED, project_id=project_id, action=action, details=json(details))
