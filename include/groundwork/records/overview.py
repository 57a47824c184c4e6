"""One project with everything below it, read at one moment, and what is known of a DAG run. Only reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from groundwork.model.entities import (
    AuditEvent,
    GitOpsResource,
    Operation,
    Organization,
    Project,
    ProjectEnvironment,
    Repository,
    StepEntry,
    User,
)
from groundwork.records import rows
from groundwork.records.connection import Database, Transaction
from groundwork.records.derivation import in_order
from groundwork.records.references import as_id
from groundwork.records.states import environments_of, repository_of

_PROJECT: Final = """
SELECT * FROM projects WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s
"""
_ORGANIZATION: Final = "SELECT * FROM organizations WHERE id = %(id)s"
_REQUESTER: Final = "SELECT * FROM users WHERE id = %(id)s"
_RESOURCES: Final = """
SELECT gitops_resources.* FROM gitops_resources
JOIN project_environments ON project_environments.id = gitops_resources.project_environment_id
WHERE project_environments.project_id = %(project_id)s
"""
_OPERATIONS: Final = """
SELECT * FROM operations WHERE project_id = %(project_id)s ORDER BY started_at DESC, id DESC LIMIT %(limit)s
"""
# What people asked for, and not what Groundwork does by itself to keep it so.
_REQUESTED: Final = """
SELECT * FROM operations
WHERE project_id = %(project_id)s AND kind NOT IN ('reconcile', 'repair', 'rotate')
ORDER BY started_at DESC, id DESC LIMIT 1
"""
_STEPS: Final = """
SELECT * FROM operation_steps WHERE operation_id = ANY(%(ids)s) ORDER BY started_at, id
"""
_HOLDER: Final = """
SELECT operation_id, acquired_at, expires_at FROM leases
WHERE project_id = %(project_id)s AND expires_at > clock_timestamp()
"""
_OPERATION: Final = "SELECT * FROM operations WHERE id = %(id)s"
_OF_RUN: Final = "SELECT * FROM operations WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s"
_REFUSAL: Final = """
SELECT details FROM audit_events
WHERE action = 'request.refused' AND details->>'run_id' = %(run_id)s AND details->>'dag_id' = %(dag_id)s
ORDER BY id DESC LIMIT 1
"""
_LATEST_EVENTS: Final = """
SELECT * FROM audit_events WHERE project_id = %(project_id)s ORDER BY id DESC LIMIT %(limit)s
"""
_LAST_EVENT: Final = "SELECT coalesce(max(id), 0) AS id FROM audit_events WHERE project_id = %(project_id)s"


@dataclass(frozen=True)
class Holder:
    """The operation that holds a project now, and until when at least."""

    operation_id: UUID
    acquired_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Whole:
    """A project with all its parts, and its operations, newest first, each with its steps.

    `requested` is the last operation that somebody asked for.
    """

    project: Project
    organization: Organization
    requested_by: User
    repository: Repository | None
    environments: list[tuple[ProjectEnvironment, list[GitOpsResource]]]
    operations: list[tuple[Operation, list[StepEntry]]]
    requested: Operation | None
    holder: Holder | None


@dataclass(frozen=True)
class Refusal:
    """Why the request of a run was not accepted."""

    reason: str
    message: str


class Overview:
    """Reads projects and operations as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def project(self, reference: str, *, operations: int = 10) -> Whole | None:
        """The project of this id or slug with its last `operations`, or None."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_PROJECT, id=as_id(reference), reference=reference)
            if row is None:
                return None
            project = rows.project(row)
            resources = _resources(transaction, project.id)
            holder = transaction.maybe(_HOLDER, project_id=project.id)
            requested = transaction.maybe(_REQUESTED, project_id=project.id)
            return Whole(
                project=project,
                organization=rows.organization(transaction.one(_ORGANIZATION, id=project.organization_id)),
                requested_by=rows.user(transaction.one(_REQUESTER, id=project.requested_by)),
                repository=repository_of(transaction, project.id),
                environments=[
                    (item, in_order(resources[item.id])) for item in environments_of(transaction, project.id)
                ],
                operations=_operations(transaction, project.id, operations),
                requested=rows.operation(requested) if requested else None,
                holder=Holder(**holder) if holder else None,
            )

    def operation(self, operation_id: UUID) -> tuple[Operation, list[StepEntry]] | None:
        """One operation with its steps, or None."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_OPERATION, id=operation_id)
            return (rows.operation(row), _steps(transaction, [operation_id])[operation_id]) if row else None

    def operation_of_run(self, dag_id: str, run_id: str) -> Operation | None:
        """The operation a DAG run opened; None for a run of another DAG, or one that was refused."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_OF_RUN, dag_id=dag_id, run_id=run_id)
        return rows.operation(row) if row else None

    def latest_events(self, project_id: UUID, *, limit: int) -> list[AuditEvent]:
        """The newest events of a project's timeline, newest first."""
        with self._database.transaction() as transaction:
            found = transaction.all(_LATEST_EVENTS, project_id=project_id, limit=limit)
        return [rows.audit_event(row) for row in found]

    def last_event(self, project_id: UUID) -> int:
        """Id of the newest event in a project's timeline, 0 without any."""
        with self._database.transaction() as transaction:
            return int(transaction.one(_LAST_EVENT, project_id=project_id)["id"])

    def refusal_of_run(self, dag_id: str, run_id: str) -> Refusal | None:
        """Why the request of a DAG run was refused, if it was."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_REFUSAL, dag_id=dag_id, run_id=run_id)
        return Refusal(row["details"]["reason"], row["details"]["message"]) if row else None


def _resources(transaction: Transaction, project_id: UUID) -> dict[UUID, list[GitOpsResource]]:
    found: dict[UUID, list[GitOpsResource]] = defaultdict(list)
    for row in transaction.all(_RESOURCES, project_id=project_id):
        found[row["project_environment_id"]].append(rows.resource(row))
    return found


def _operations(
    transaction: Transaction, project_id: UUID, limit: int
) -> list[tuple[Operation, list[StepEntry]]]:
    found = [rows.operation(row) for row in transaction.all(_OPERATIONS, project_id=project_id, limit=limit)]
    steps = _steps(transaction, [item.id for item in found])
    return [(item, steps[item.id]) for item in found]


def _steps(transaction: Transaction, operation_ids: list[UUID]) -> dict[UUID, list[StepEntry]]:
    found: dict[UUID, list[StepEntry]] = defaultdict(list)
    for row in transaction.all(_STEPS, ids=operation_ids):
        found[row["operation_id"]].append(rows.step(row))
    return found
