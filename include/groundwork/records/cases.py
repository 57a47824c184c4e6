"""Projects with all that tells how they came to stand as they do, many at once. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from groundwork.model.entities import (
    GitOpsResource,
    Operation,
    OperationKind,
    Project,
    ProjectEnvironment,
    Repository,
    StepEntry,
)
from groundwork.model.statuses import Status
from groundwork.records import rows
from groundwork.records.connection import Database, Transaction
from groundwork.records.derivation import in_order
from groundwork.records.references import as_id

_COUNT: Final = "SELECT count(*) AS number FROM projects WHERE status <> 'removed'"
_UNSYNCED: Final = """
SELECT projects.* FROM projects JOIN organizations ON organizations.id = projects.organization_id
WHERE projects.status NOT IN ('synced', 'removed')
  AND (%(organization)s::text IS NULL OR organizations.slug = %(organization)s
       OR organizations.id = %(organization_id)s::uuid)
ORDER BY projects.slug
"""
_ONE: Final = """
SELECT * FROM projects WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s
"""
_REPOSITORIES: Final = "SELECT * FROM repositories WHERE project_id = ANY(%(ids)s)"
_ENVIRONMENTS: Final = """
SELECT project_environments.*, environments.slug AS environment_slug, environments.name AS environment_name,
       environments.policy AS environment_policy
FROM project_environments JOIN environments ON environments.id = project_environments.environment_id
WHERE project_environments.project_id = ANY(%(ids)s)
ORDER BY project_environments.created_at, environments.slug
"""
_RESOURCES: Final = "SELECT * FROM gitops_resources WHERE project_environment_id = ANY(%(ids)s)"
_LAST_OPERATIONS: Final = """
SELECT operations.*, leases.expires_at, leases.expires_at > clock_timestamp() AS held
FROM leases JOIN operations ON operations.id = leases.operation_id
WHERE leases.project_id = ANY(%(ids)s)
"""
_REQUESTS: Final = """
SELECT DISTINCT ON (project_id) project_id, request FROM operations
WHERE project_id = ANY(%(ids)s) AND kind = 'initialize'
ORDER BY project_id, started_at DESC, id DESC
"""
_STEPS: Final = (
    "SELECT * FROM operation_steps WHERE operation_id = ANY(%(ids)s) ORDER BY started_at, step, scope"
)


@dataclass(frozen=True)
class Case:
    """A project, all its parts, and the operation that holds it or was the last to.

    `held_until` is when that operation's lease ends, None if it has ended. `request` is the last one the
    project was initialized with, as it was stored.
    """

    project: Project
    repository: Repository | None
    environments: tuple[tuple[ProjectEnvironment, tuple[GitOpsResource, ...]], ...]
    operation: Operation | None
    held_until: datetime | None
    steps: tuple[StepEntry, ...]
    request: dict[str, Any]

    @property
    def going(self) -> bool:
        """Whether the project is on its way out, or gone: then nothing of it is made again."""
        removed_on_purpose = self.operation is not None and self.operation.kind is OperationKind.DECOMMISSION
        status = self.project.state.status
        return status is Status.REMOVED or (status is Status.REMOVING and removed_on_purpose)


class Cases:
    """Reads the cases of projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unsynced(self, organization: str | None = None) -> list[Case]:
        """Every project that is neither synced nor removed, by slug; `organization` is an id or slug."""
        organization_id = as_id(organization) if organization else None
        with self._database.transaction() as transaction:
            found = transaction.all(_UNSYNCED, organization=organization, organization_id=organization_id)
            return _cases(transaction, [rows.project(row) for row in found])

    def of(self, reference: str) -> Case | None:
        """The project of this id or slug, however it stands."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_ONE, id=as_id(reference), reference=reference)
            return _cases(transaction, [rows.project(row)])[0] if row else None

    def count(self) -> int:
        """How many projects there are, without the removed ones."""
        with self._database.transaction() as transaction:
            return int(transaction.one(_COUNT)["number"])


def _cases(transaction: Transaction, projects: Sequence[Project]) -> list[Case]:
    ids = [project.id for project in projects]
    repositories = {row["project_id"]: row for row in transaction.all(_REPOSITORIES, ids=ids)}
    operations = {row["project_id"]: row for row in transaction.all(_LAST_OPERATIONS, ids=ids)}
    requests = {row["project_id"]: row["request"] for row in transaction.all(_REQUESTS, ids=ids)}
    environments = _environments(transaction, ids)
    steps: dict[UUID, list[StepEntry]] = defaultdict(list)
    for row in transaction.all(_STEPS, ids=[row["id"] for row in operations.values()]):
        steps[row["operation_id"]].append(rows.step(row))
    found = []
    for project in projects:
        repository, operation = repositories.get(project.id), operations.get(project.id)
        found.append(
            Case(
                project=project,
                repository=rows.repository(repository) if repository else None,
                environments=tuple(environments[project.id]),
                operation=rows.operation(operation) if operation else None,
                held_until=operation["expires_at"] if operation and operation["held"] else None,
                steps=tuple(steps[operation["id"]]) if operation else (),
                request=requests.get(project.id, {}),
            )
        )
    return found


def _environments(
    transaction: Transaction, ids: Sequence[UUID]
) -> dict[UUID, list[tuple[ProjectEnvironment, tuple[GitOpsResource, ...]]]]:
    listed = [rows.project_environment(row) for row in transaction.all(_ENVIRONMENTS, ids=ids)]
    resources: dict[UUID, list[GitOpsResource]] = defaultdict(list)
    for row in transaction.all(_RESOURCES, ids=[item.id for item in listed]):
        resources[row["project_environment_id"]].append(rows.resource(row))
    found: dict[UUID, list[tuple[ProjectEnvironment, tuple[GitOpsResource, ...]]]] = defaultdict(list)
    for item in listed:
        found[item.project_id].append((item, tuple(in_order(resources[item.id]))))
    return found
