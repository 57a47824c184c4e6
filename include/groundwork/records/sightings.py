"""Writes what a reconcile pass saw. Nothing is written of what has not changed but, now and then, when it was
last seen; and nothing of a project that an operation holds, for that operation knows better.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from groundwork.model.entities import Observation
from groundwork.model.sightings import ProjectSighting, RepositorySighting, ResourceSighting
from groundwork.records import lease, states
from groundwork.records.connection import Database, Transaction
from groundwork.records.text import storable

# What was written meanwhile by somebody else is newer than what the pass read before it looked.
_RESOURCE = """
UPDATE gitops_resources
SET status = %(status)s, reason = %(reason)s, message = %(message)s, observed_at = clock_timestamp(),
    revision = coalesce(%(revision)s, revision), external_id = coalesce(%(external_id)s, external_id),
    created_by_us = created_by_us OR %(external_id)s::text IS NOT NULL
WHERE id = %(id)s AND status = %(was)s AND observed_at IS NOT DISTINCT FROM %(was_observed_at)s
"""
_REPOSITORY = """
UPDATE repositories
SET status = %(status)s, reason = %(reason)s, message = %(message)s, observed_at = clock_timestamp(),
    revision = coalesce(%(revision)s, revision), gitlab_id = coalesce(%(gitlab_id)s, gitlab_id),
    http_url = coalesce(%(http_url)s, http_url), web_url = coalesce(%(web_url)s, web_url),
    created_by_us = created_by_us OR %(created_by_us)s
WHERE id = %(id)s AND status = %(was)s AND observed_at IS NOT DISTINCT FROM %(was_observed_at)s
"""
# Locked as every writer does, project first; who holds one is not waited for.
_LOCK_FREE = """
SELECT projects.id FROM projects LEFT JOIN leases ON leases.project_id = projects.id
WHERE projects.id = ANY (%(ids)s)
  AND projects.observed_at < clock_timestamp() - make_interval(secs => %(age)s)
  AND (leases.expires_at IS NULL OR leases.expires_at <= clock_timestamp())
ORDER BY projects.id
FOR NO KEY UPDATE OF projects SKIP LOCKED
"""
_SEEN_RESOURCES = """
UPDATE gitops_resources SET observed_at = transaction_timestamp()
FROM project_environments
WHERE project_environments.id = gitops_resources.project_environment_id
  AND project_environments.project_id = ANY (%(ids)s) AND gitops_resources.id = ANY (%(seen)s)
"""
_SEEN_REPOSITORIES = """
UPDATE repositories SET observed_at = transaction_timestamp()
WHERE project_id = ANY (%(ids)s) AND id = ANY (%(seen)s)
"""
# As `derivation` sets them: the oldest look among the parts that decide.
_SEEN_ENVIRONMENTS = """
UPDATE project_environments
SET observed_at = coalesce((
    SELECT min(gitops_resources.observed_at) FROM gitops_resources
    WHERE gitops_resources.project_environment_id = project_environments.id
      AND gitops_resources.status = project_environments.status
), observed_at)
WHERE project_id = ANY (%(ids)s)
"""
_SEEN_PROJECTS = """
UPDATE projects
SET observed_at = coalesce((
    SELECT min(parts.observed_at) FROM (
        SELECT observed_at, status FROM repositories WHERE project_id = projects.id
        UNION ALL SELECT observed_at, status FROM project_environments WHERE project_id = projects.id
    ) AS parts
    WHERE parts.status = projects.status
), observed_at)
WHERE id = ANY (%(ids)s)
"""


class Sightings:
    """Writes the states of many projects' parts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, sighting: ProjectSighting) -> bool:
        """Records what is new of one project, and derives what follows; False if an operation holds it."""
        with self._database.transaction() as transaction:
            project_id = sighting.project.id
            states.locked_project(transaction, project_id)
            holder = lease.holder(transaction, project_id)
            if holder is not None and holder["live"]:
                return False
            news = [item for item in sighting.resources if item.is_news]
            for resource in news:
                _write_resource(transaction, resource)
            if sighting.repository is not None and sighting.repository.is_news:
                _write_repository(transaction, sighting.repository)
            for environment in {item.resource.project_environment_id for item in news}:
                states.derive_environment(transaction, environment)
            states.derive_project(transaction, project_id)
        return True

    def seen_again(
        self, projects: Collection[UUID], parts: Collection[UUID], *, older_than_seconds: float
    ) -> int:
        """Brings up to date when projects were seen that were found unchanged and have not been told so for
        a while; `parts` are the resources and repositories that were looked at. Answers how many projects."""
        with self._database.transaction() as transaction:
            found = transaction.all(_LOCK_FREE, ids=list(projects), age=older_than_seconds)
            ids = [row["id"] for row in found]
            if ids:
                seen = list(parts)
                transaction.run(_SEEN_RESOURCES, ids=ids, seen=seen)
                transaction.run(_SEEN_REPOSITORIES, ids=ids, seen=seen)
                transaction.run(_SEEN_ENVIRONMENTS, ids=ids)
                transaction.run(_SEEN_PROJECTS, ids=ids)
        return len(ids)


def _write_resource(transaction: Transaction, item: ResourceSighting) -> None:
    transaction.run(
        _RESOURCE,
        id=item.resource.id,
        external_id=item.external_id,
        **_columns(item.seen, item.resource.state),
    )


def _write_repository(transaction: Transaction, item: RepositorySighting) -> None:
    transaction.run(
        _REPOSITORY,
        id=item.repository.id,
        gitlab_id=item.gitlab_id,
        http_url=item.http_url,
        web_url=item.web_url,
        created_by_us=item.created_by_us,
        **_columns(item.seen, item.repository.state),
    )


def _columns(seen: Observation, known: Observation) -> dict[str, object]:
    return {
        "status": seen.status,
        "reason": seen.reason,
        "message": storable(seen.message),
        "revision": seen.revision,
        "was": known.status,
        "was_observed_at": known.observed_at,
    }
