"""Looking at everything, for many projects at once.

Lists where one answer tells of many, and few calls at a time for the rest. A system that fails is told of in
the facts; it does not keep the others from being seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import ceil
from uuid import UUID

from groundwork.clients.airflow import Airflow
from groundwork.clients.gitlab import GitLab, GitLabProject
from groundwork.errors import GroundworkError
from groundwork.operations.diagnosis import gathering_clusters, gathering_runs, gitlab_links
from groundwork.operations.diagnosis.facts import EnvironmentFacts, ProjectFacts, RepositoryFacts
from groundwork.operations.services import Services
from groundwork.records.cases import Case
from groundwork.resources import ownership, repository

SIDE_BY_SIDE = 8
_PAGE = 100


def gather(
    services: Services, airflow: Airflow | None, cases: Sequence[Case], *, logs: bool
) -> list[ProjectFacts]:
    """What is seen of each project, in their order; with `logs` also the end of every failed task's log."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        listed = pool.submit(_listed, services, cases)
        runs = gathering_runs.runs(airflow, pool, cases, logs=logs) if airflow else {}
        environments = gathering_clusters.environments(services, pool, cases)
        known = listed.result()
        seen = pool.map(
            lambda case: _repository(services.gitlab, case, known, environments[case.project.id]), cases
        )
        return [
            ProjectFacts(case, runs.get(case.project.id), found, environments[case.project.id])
            for case, found in zip(cases, seen, strict=True)
        ]


def _listed(services: Services, cases: Sequence[Case]) -> dict[UUID, GitLabProject] | GroundworkError:
    """The repositories by project, if listing all takes fewer calls than reading each; else none."""
    try:
        if len(cases) <= ceil(services.records.cases.count() / _PAGE):
            return {}
        marked = (
            (ownership.project_of_topics(found.topics), found)
            for found in services.gitlab.projects.owned(ownership.TOPIC)
        )
        return {project_id: found for project_id, found in marked if project_id is not None}
    except GroundworkError as error:
        return error


def _repository(
    gitlab: GitLab,
    case: Case,
    listed: dict[UUID, GitLabProject] | GroundworkError,
    environments: dict[str, EnvironmentFacts],
) -> RepositoryFacts:
    recorded = case.repository
    if isinstance(listed, GroundworkError):
        return RepositoryFacts(error=listed)
    if recorded is None:
        return RepositoryFacts()
    try:
        found = listed.get(case.project.id)
        if found is None or found.id != recorded.gitlab_id:
            found = repository.find(gitlab, recorded)
    except GroundworkError as error:
        return RepositoryFacts(error=error)
    seen = RepositoryFacts(found)
    if found is None or ownership.claim_on_repository(found, case.project.id) is ownership.Claim.FOREIGN:
        return seen
    try:
        if any(item.secret for item in environments.values()):
            seen = replace(seen, tokens=tuple(gitlab.deploy_tokens.active(found.id)))
        if gitlab_links.asks_for_commit(recorded, list(environments.values())):
            revision = recorded.state.revision or ""
            base = gitlab.repositories.merge_base(found.id, (revision, recorded.default_branch))
            seen = replace(seen, holds_commit=base == revision)
    except GroundworkError as error:
        return replace(seen, error=error)
    return seen
