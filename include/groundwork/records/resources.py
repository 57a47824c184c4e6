"""What a project owns elsewhere: its repository, its environments, and the resources in their clusters.

All of it is recorded before anything of it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from groundwork.errors import Conflict, InvalidRequest, NotFound, Problem
from groundwork.model.entities import GitOpsResource, ProjectEnvironment, Repository
from groundwork.records import states
from groundwork.records.connection import Database, Row, Transaction
from groundwork.records.lease import require_lease
from groundwork.records.specs import EnvironmentSpec, RepositorySpec

_RECORD_REPOSITORY = """
INSERT INTO repositories (project_id, path, visibility, default_branch, description)
VALUES (%(project_id)s, %(path)s, %(visibility)s, %(default_branch)s, %(description)s)
ON CONFLICT (project_id) DO UPDATE
    SET path = excluded.path, visibility = excluded.visibility, default_branch = excluded.default_branch,
        description = excluded.description
"""
_RECORD_ENVIRONMENT = """
INSERT INTO project_environments (project_id, environment_id, organization_id, cluster, namespace)
VALUES (%(project_id)s, %(environment_id)s, %(organization_id)s, %(cluster)s, %(namespace)s)
ON CONFLICT (project_id, environment_id) DO UPDATE SET namespace = project_environments.namespace
RETURNING *
"""
_RECORD_RESOURCE = """
INSERT INTO gitops_resources (project_environment_id, kind, cluster, namespace, name)
VALUES (%(project_environment_id)s, %(kind)s, %(cluster)s, %(namespace)s, %(name)s)
ON CONFLICT (project_environment_id, kind) DO UPDATE SET name = excluded.name
"""
# What is gone starts anew; what failed is tried again and keeps what is known of it.
_REVIVE_REMOVED_REPOSITORY = """
UPDATE repositories
SET status = 'pending', reason = 'Recorded', message = '', observed_at = NULL, revision = NULL,
    gitlab_id = NULL, http_url = NULL, web_url = NULL, created_by_us = false
WHERE project_id = %(project_id)s AND status = 'removed'
  AND reason NOT IN ('Archived', 'MarkedForDeletion', 'Kept')
"""
# One that was put away and not deleted is taken back, wherever GitLab has it now.
_TAKE_REPOSITORY_BACK = """
UPDATE repositories
SET status = 'pending', reason = 'Recorded', message = '', observed_at = NULL
WHERE project_id = %(project_id)s AND status = 'removed'
"""
_REVIVE_FAILED_REPOSITORY = """
UPDATE repositories SET status = 'pending', reason = 'Recorded', message = ''
WHERE project_id = %(project_id)s AND status = 'failed'
"""
_REVIVE_REMOVED_RESOURCES = """
UPDATE gitops_resources
SET status = 'pending', reason = 'Recorded', message = '', observed_at = NULL, revision = NULL,
    external_id = NULL, created_by_us = false
WHERE project_environment_id = %(id)s AND status = 'removed'
"""
_REVIVE_FAILED_RESOURCES = """
UPDATE gitops_resources SET status = 'pending', reason = 'Recorded', message = ''
WHERE project_environment_id = %(id)s AND status = 'failed'
"""
# Recorded by an earlier request, not asked for any more, and never begun.
_DROP_UNWANTED = """
DELETE FROM project_environments
WHERE project_id = %(project_id)s AND id <> ALL (%(wanted)s) AND NOT EXISTS (
    SELECT FROM gitops_resources
    WHERE project_environment_id = project_environments.id AND status <> 'pending'
)
"""


class Resources:
    """Records and reads repositories, environments of projects and cluster resources."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        operation_id: UUID,
        project_id: UUID,
        repository: RepositorySpec,
        environments: Sequence[EnvironmentSpec],
        *,
        replace: bool = True,
    ) -> list[UUID]:
        """Writes every row of the project as `pending`, all or none; the ids are in `environments`' order.

        Again: rows that are there keep id and state, unless it is `failed` or `removed`, which become
        `pending`; environments of an earlier request that were never begun are dropped, unless the new ones
        are not to `replace` them.

        Raises `InvalidRequest` if a path or namespace is another project's, or if repository path or branch
        would change after the repository was made; `Conflict` if an environment's namespace would change;
        `LeaseLost` if the operation does not hold the project.
        """
        with self._database.transaction() as transaction:
            require_lease(transaction, project_id, operation_id)
            return record(transaction, project_id, repository, environments, replace=replace)

    def repository(self, project_id: UUID) -> Repository:
        """The project's repository. Raises `NotFound` before it was recorded."""
        with self._database.transaction() as transaction:
            found = states.repository_of(transaction, project_id)
        if found is None:
            raise NotFound(f"There is no repository of project {project_id} in the records.")
        return found

    def project_environment(self, project_environment_id: UUID) -> ProjectEnvironment:
        """Raises `NotFound`."""
        with self._database.transaction() as transaction:
            return states.project_environment(transaction, project_environment_id)

    def environments_of(self, project_id: UUID) -> list[ProjectEnvironment]:
        """In the order they were recorded."""
        with self._database.transaction() as transaction:
            return states.environments_of(transaction, project_id)

    def resources(self, project_environment_id: UUID) -> list[GitOpsResource]:
        """Of one environment of a project, in the order they are made."""
        with self._database.transaction() as transaction:
            return states.resources_of(transaction, project_environment_id)


def record(
    transaction: Transaction,
    project_id: UUID,
    repository: RepositorySpec,
    environments: Sequence[EnvironmentSpec],
    *,
    replace: bool = True,
) -> list[UUID]:
    """As `Resources.record`, in a transaction that has made sure of the lease."""
    if not environments:
        raise InvalidRequest([Problem("environment_ids", "must name at least one environment")])
    project = states.locked_project(transaction, project_id)
    _record_repository(transaction, project_id, repository)
    recorded = [_record_environment(transaction, project, spec) for spec in environments]
    if replace:
        transaction.run(_DROP_UNWANTED, project_id=project_id, wanted=recorded)
    for project_environment_id in recorded:
        states.derive_environment(transaction, project_environment_id)
    states.derive_project(transaction, project_id)
    return recorded


def _record_repository(transaction: Transaction, project_id: UUID, spec: RepositorySpec) -> None:
    transaction.run(_REVIVE_REMOVED_REPOSITORY, project_id=project_id)
    transaction.run(_TAKE_REPOSITORY_BACK, project_id=project_id)
    transaction.run(_REVIVE_FAILED_REPOSITORY, project_id=project_id)
    known = states.repository_of(transaction, project_id)
    if known is not None and known.gitlab_id is not None:
        _require_same(known, spec)
    transaction.run(
        _RECORD_REPOSITORY,
        project_id=project_id,
        path=spec.path,
        visibility=spec.visibility,
        default_branch=spec.default_branch,
        description=spec.description,
    )


def _require_same(known: Repository, spec: RepositorySpec) -> None:
    problems = []
    if known.path.lower() != spec.path.lower():
        rule = f"cannot change: the repository was made at '{known.path}'"
        problems.append(Problem("repository.group_path", rule))
    if known.default_branch != spec.default_branch:
        rule = f"cannot change: the repository was made with '{known.default_branch}'"
        problems.append(Problem("repository.default_branch", rule))
    if problems:
        raise InvalidRequest(problems)


def _record_environment(transaction: Transaction, project: Row, spec: EnvironmentSpec) -> UUID:
    recorded = transaction.one(
        _RECORD_ENVIRONMENT,
        project_id=project["id"],
        environment_id=spec.environment.id,
        organization_id=project["organization_id"],
        cluster=spec.environment.cluster,
        namespace=spec.namespace,
    )
    if recorded["namespace"] != spec.namespace:
        raise Conflict(
            f"Environment '{spec.environment.slug}' of project '{project['slug']}' is recorded with namespace"
            f" '{recorded['namespace']}', and a namespace cannot be renamed to '{spec.namespace}': set the"
            " prefix of namespaces back to what it was."
        )
    for kind, name in spec.resources:
        transaction.run(
            _RECORD_RESOURCE,
            project_environment_id=recorded["id"],
            kind=kind,
            cluster=recorded["cluster"],
            namespace=recorded["namespace"],
            name=name,
        )
    transaction.run(_REVIVE_REMOVED_RESOURCES, id=recorded["id"])
    transaction.run(_REVIVE_FAILED_RESOURCES, id=recorded["id"])
    project_environment_id: UUID = recorded["id"]
    return project_environment_id
