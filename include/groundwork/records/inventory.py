"""Everything the records hold of many projects, read with a few statements whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import UUID

from groundwork.model.entities import (
    GitOpsResource,
    Kind,
    Operation,
    Project,
    ProjectEnvironment,
    Repository,
)
from groundwork.records import rows
from groundwork.records.connection import Database, Transaction
from groundwork.records.references import as_id

_PROJECTS = """
SELECT projects.*, coalesce(leases.expires_at > clock_timestamp(), false) AS held
FROM projects JOIN organizations ON organizations.id = projects.organization_id
LEFT JOIN leases ON leases.project_id = projects.id
WHERE (%(project)s::text IS NULL OR projects.slug = %(project)s OR projects.id = %(project_id)s::uuid)
  AND (%(organization)s::text IS NULL OR organizations.slug = %(organization)s
       OR organizations.id = %(organization_id)s::uuid)
  AND (%(environment)s::text IS NULL OR EXISTS (
      SELECT 1 FROM project_environments
      JOIN environments ON environments.id = project_environments.environment_id
      WHERE project_environments.project_id = projects.id
        AND (environments.slug = %(environment)s OR environments.id = %(environment_id)s::uuid)
  ))
ORDER BY projects.id
"""
_REPOSITORIES = "SELECT * FROM repositories WHERE project_id = ANY (%(ids)s)"
_ENVIRONMENTS = """
SELECT project_environments.*, environments.slug AS environment_slug, environments.name AS environment_name,
       environments.policy AS environment_policy
FROM project_environments JOIN environments ON environments.id = project_environments.environment_id
WHERE project_environments.project_id = ANY (%(ids)s)
  AND (%(environment)s::text IS NULL OR environments.slug = %(environment)s
       OR environments.id = %(environment_id)s::uuid)
ORDER BY project_environments.created_at, environments.slug
"""
_RESOURCES = "SELECT * FROM gitops_resources WHERE project_environment_id = ANY (%(ids)s)"
_LAST_OPERATIONS = """
SELECT operations.* FROM leases JOIN operations ON operations.id = leases.operation_id
WHERE leases.project_id = ANY (%(ids)s)
"""
_CLUSTERS = "SELECT DISTINCT cluster FROM environments ORDER BY cluster"
_KNOWN_PROJECTS = "SELECT id FROM projects WHERE id = ANY (%(ids)s)"
_KNOWN_NAMESPACES = """
SELECT cluster, namespace, project_id FROM project_environments
WHERE namespace = ANY (%(names)s) AND status <> 'removed'
"""


@dataclass(frozen=True)
class Selection:
    """Which part of the records is meant: ids or slugs, None for all."""

    project: str | None = None
    organization: str | None = None
    environment: str | None = None

    @property
    def is_everything(self) -> bool:
        return self == Selection()

    def __str__(self) -> str:
        return " and ".join(f"{what} '{name}'" for what, name in vars(self).items() if name) or "everything"


@dataclass(frozen=True)
class RecordedEnvironment:
    """An environment of a project with its resources by kind."""

    environment: ProjectEnvironment
    resources: dict[Kind, GitOpsResource]


@dataclass(frozen=True)
class RecordedProject:
    """A project with all that is recorded of it. `held` is whether an operation holds it now; `last` is the
    operation that does, or was the last to. `whole` is whether `environments` are all it has."""

    project: Project
    held: bool
    last: Operation | None = None
    repository: Repository | None = None
    environments: list[RecordedEnvironment] = field(default_factory=list)
    whole: bool = True


class Inventory:
    """Reads many projects at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, selection: Selection) -> list[RecordedProject]:
        """The selected projects in the order of their ids, each with its selected environments."""
        with self._database.transaction() as transaction:
            found = transaction.all(
                _PROJECTS,
                project=selection.project,
                project_id=as_id(selection.project) if selection.project else None,
                organization=selection.organization,
                organization_id=as_id(selection.organization) if selection.organization else None,
                environment=selection.environment,
                environment_id=as_id(selection.environment) if selection.environment else None,
            )
            ids = [row["id"] for row in found]
            repositories = _by_project(transaction, _REPOSITORIES, ids)
            operations = _by_project(transaction, _LAST_OPERATIONS, ids)
            environments = _environments(transaction, selection.environment, ids)
        return [
            RecordedProject(
                project=rows.project(row),
                held=row["held"],
                last=rows.operation(operations[row["id"]]) if row["id"] in operations else None,
                repository=rows.repository(repositories[row["id"]]) if row["id"] in repositories else None,
                environments=environments[row["id"]],
                whole=selection.environment is None,
            )
            for row in found
        ]

    def clusters(self) -> list[str]:
        """The connection ids of all environments' clusters."""
        with self._database.transaction() as transaction:
            return [row["cluster"] for row in transaction.all(_CLUSTERS)]

    def known_projects(self, ids: Collection[UUID]) -> set[UUID]:
        """Which of these are projects by now."""
        with self._database.transaction() as transaction:
            return {row["id"] for row in transaction.all(_KNOWN_PROJECTS, ids=list(ids))}

    def known_namespaces(self, names: Collection[str]) -> set[tuple[str, str, UUID]]:
        """Which of these are recorded by now, each with cluster and project; removed ones do not count."""
        with self._database.transaction() as transaction:
            found = transaction.all(_KNOWN_NAMESPACES, names=list(names))
        return {(row["cluster"], row["namespace"], row["project_id"]) for row in found}


def _by_project(
    transaction: Transaction, sql: LiteralString, ids: list[UUID]
) -> dict[UUID, dict[str, object]]:
    return {row["project_id"]: row for row in transaction.all(sql, ids=ids)}


def _environments(
    transaction: Transaction, environment: str | None, ids: list[UUID]
) -> dict[UUID, list[RecordedEnvironment]]:
    found = transaction.all(
        _ENVIRONMENTS,
        ids=ids,
        environment=environment,
        environment_id=as_id(environment) if environment else None,
    )
    resources: dict[UUID, dict[Kind, GitOpsResource]] = defaultdict(dict)
    for row in transaction.all(_RESOURCES, ids=[row["id"] for row in found]):
        resource = rows.resource(row)
        resources[resource.project_environment_id][resource.kind] = resource
    environments: dict[UUID, list[RecordedEnvironment]] = defaultdict(list)
    for row in found:
        environments[row["project_id"]].append(
            RecordedEnvironment(rows.project_environment(row), resources[row["id"]])
        )
    return environments
