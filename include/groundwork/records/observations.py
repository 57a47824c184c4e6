"""What was seen of recorded things. Every write sets the states of environment and project along with it."""

from __future__ import annotations

from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import Kind, Observation, ProjectEnvironment
from groundwork.model.statuses import Status
from groundwork.records import states, transitions
from groundwork.records.connection import Database, Transaction
from groundwork.records.text import storable

# What an observation does not know stays as it was; that we made a thing stays true once it is.
_REPOSITORY = """
UPDATE repositories
SET status = %(status)s, reason = %(reason)s, message = %(message)s,
    observed_at = coalesce(%(observed_at)s, clock_timestamp()),
    revision = coalesce(%(revision)s, revision),
    gitlab_id = coalesce(%(gitlab_id)s, gitlab_id),
    http_url = coalesce(%(http_url)s, http_url),
    web_url = coalesce(%(web_url)s, web_url),
    created_by_us = created_by_us OR %(created_by_us)s
WHERE project_id = %(project_id)s
RETURNING *
"""
_RESOURCE = """
UPDATE gitops_resources
SET status = %(status)s, reason = %(reason)s, message = %(message)s,
    observed_at = coalesce(%(observed_at)s, clock_timestamp()),
    revision = coalesce(%(revision)s, revision),
    external_id = coalesce(%(external_id)s, external_id),
    created_by_us = created_by_us OR %(created_by_us)s
WHERE project_environment_id = %(project_environment_id)s AND kind = %(kind)s
RETURNING *
"""
_REPOSITORY_BEFORE = "SELECT * FROM repositories WHERE project_id = %(project_id)s"
_RESOURCE_BEFORE = """
SELECT * FROM gitops_resources
WHERE project_environment_id = %(project_environment_id)s AND kind = %(kind)s
"""


class Observations:
    """Writes the state of repositories and cluster resources.

    An observation without `observed_at` was made now. `revision` None leaves the last one seen.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def repository_observed(
        self,
        project_id: UUID,
        observation: Observation,
        *,
        gitlab_id: int | None = None,
        http_url: str | None = None,
        web_url: str | None = None,
        created_by_us: bool = False,
    ) -> None:
        """Raises `NotFound` before the repository was recorded, `Conflict` if the GitLab id is another's."""
        with self._database.transaction() as transaction:
            states.locked_project(transaction, project_id)
            before = transaction.maybe(_REPOSITORY_BEFORE, project_id=project_id)
            if before is None:
                raise NotFound(f"There is no repository of project {project_id} in the records.")
            after = transaction.one(
                _REPOSITORY,
                project_id=project_id,
                gitlab_id=gitlab_id,
                http_url=http_url,
                web_url=web_url,
                created_by_us=created_by_us,
                **_columns(observation),
            )
            transitions.audit_repository(transaction, before, after)
            states.derive_project(transaction, project_id)

    def resource_observed(
        self,
        project_environment_id: UUID,
        kind: Kind,
        observation: Observation,
        *,
        external_id: str | None = None,
        created_by_us: bool = False,
    ) -> None:
        """Raises `NotFound` before the resource was recorded."""
        with self._database.transaction() as transaction:
            environment = _locked(transaction, project_environment_id)
            known = {"project_environment_id": project_environment_id, "kind": kind}
            before = transaction.maybe(_RESOURCE_BEFORE, **known)
            if before is None:
                raise NotFound(f"There is no {kind} of environment {project_environment_id} in the records.")
            after = transaction.one(
                _RESOURCE,
                **known,
                external_id=external_id,
                created_by_us=created_by_us,
                **_columns(observation),
            )
            project_id, slug = environment.project_id, environment.environment.slug
            transitions.audit_resource(transaction, project_id, slug, before, after)
            _derive(transaction, project_environment_id, project_id)

    def repository_failed(self, project_id: UUID, reason: str, message: str) -> None:
        """The repository could not be brought to its desired state. Raises as `repository_observed`."""
        self.repository_observed(project_id, Observation(Status.FAILED, reason, message))

    def environment_failed(self, project_environment_id: UUID, reason: str, message: str) -> None:
        """A step of this environment failed: its first resource that is not synced shows it.

        With all of them synced it is the last, the Kustomization. Raises `NotFound`.
        """
        with self._database.transaction() as transaction:
            project_id = _locked(transaction, project_environment_id).project_id
            resources = states.resources_of(transaction, project_environment_id)
            unsynced = [resource for resource in resources if resource.state.status is not Status.SYNCED]
            failed = next(iter(unsynced or resources[-1:]), None)
            if failed is None:
                raise NotFound(f"Environment {project_environment_id} has no resources in the records.")
            transaction.run(
                _RESOURCE,
                project_environment_id=project_environment_id,
                kind=failed.kind,
                external_id=None,
                created_by_us=False,
                **_columns(Observation(Status.FAILED, reason, message)),
            )
            _derive(transaction, project_environment_id, project_id)


def _locked(transaction: Transaction, project_environment_id: UUID) -> ProjectEnvironment:
    """The environment, with its project held until the transaction ends."""
    environment = states.project_environment(transaction, project_environment_id)
    states.locked_project(transaction, environment.project_id)
    return environment


def _derive(transaction: Transaction, project_environment_id: UUID, project_id: UUID) -> None:
    states.derive_environment(transaction, project_environment_id)
    states.derive_project(transaction, project_id)


def _columns(observation: Observation) -> dict[str, object]:
    return {
        "status": observation.status,
        "reason": observation.reason,
        "message": storable(observation.message),
        "observed_at": observation.observed_at,
        "revision": observation.revision,
    }
