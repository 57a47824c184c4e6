"""Removing what Groundwork has made, in the reverse order of making it, and nothing else.

Each removal may be repeated: what is gone is gone, what is going is waited for, and what is not the project's
is left alone. Whether a repository may go is a pure decision.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from groundwork.clients.gitlab import CommitInfo, GitLabProject
from groundwork.clients.kubernetes import Cluster
from groundwork.model.entities import Kind, Observation, Project, Repository
from groundwork.model.statuses import Reason, Status
from groundwork.operations.services import Services
from groundwork.resources import (
    credentials,
    git_repository,
    kustomization,
    namespace,
    ownership,
    repository,
    template,
)
from groundwork.resources.applied import apply_one, remove_one, untold
from groundwork.resources.ownership import Claim
from groundwork.resources.target import Target

_REMOVED = Observation(Status.REMOVED, Reason.REMOVED)


def remove_environment(services: Services, target: Target) -> None:
    """Remove everything of an environment: what Flux applied, sources, credentials, namespace.

    Raises `Conflict` for what is not the project's, and `WaitingError` until all of it is gone.
    """
    remove_resources(services, target, [Kind.KUSTOMIZATION, Kind.GIT_REPOSITORY, Kind.CREDENTIALS], _REMOVED)
    cluster = services.cluster(target.environment.environment.cluster)
    remove_one(cluster, namespace.reference(target.namespace), target.project.id)
    for kind in (Kind.GUARDRAILS, Kind.NAMESPACE):
        services.records.observations.resource_observed(target.environment.id, kind, _REMOVED)


def remove_resources(services: Services, target: Target, kinds: Collection[Kind], after: Observation) -> None:
    """Remove these kinds from an environment; the Kustomization first, with pruning.

    `after` is what is recorded of each once it is gone. Raises as `remove_environment`.
    """
    cluster = services.cluster(target.environment.environment.cluster)
    place, name, project_id = target.namespace, target.project.slug, target.project.id
    removals: dict[Kind, Callable[[], None]] = {
        Kind.KUSTOMIZATION: lambda: _remove_kustomization(cluster, target),
        Kind.GIT_REPOSITORY: lambda: remove_one(cluster, git_repository.reference(place, name), project_id),
        Kind.CREDENTIALS: lambda: credentials.remove(
            services.gitlab, cluster, target, target.repository.gitlab_id
        ),
    }
    for kind, remove in removals.items():
        if kind in kinds:
            remove()
            services.records.observations.resource_observed(target.environment.id, kind, after)


def _remove_kustomization(cluster: Cluster, target: Target) -> None:
    """Flux prunes nothing when a suspended Kustomization is deleted, so it is resumed first."""
    reference = kustomization.reference(target.namespace, target.project.slug)
    existing = cluster.get(reference)
    claim = ownership.claim_on_object(existing, target.project.id)
    if existing is not None and claim is Claim.OURS and existing["spec"].get("suspend"):
        apply_one(cluster, kustomization.desired(target), target.project.id, untold)
    remove_one(cluster, reference, target.project.id)


def reason_to_keep(
    found: GitLabProject, commits: Iterable[CommitInfo], project: Project, recorded: Repository
) -> str | None:
    """Why a repository must not be deleted, or None if it may. Pure.

    `commits` are all that it holds. Only one that Groundwork created, and in which nobody else has committed,
    may go.
    """
    if ownership.claim_on_repository(found, project.id) is Claim.FOREIGN:
        return "it was not made for this project"
    if repository.is_adopted(found) or not recorded.created_by_us:
        return "it was there before Groundwork adopted it"
    other = next((commit for commit in commits if not template.is_ours(commit, project)), None)
    if other is not None:
        return f"it holds commits that are not Groundwork's, such as {other.id[:12]} ({other.title})"
    return None


def remove_repository(services: Services, project: Project, recorded: Repository) -> str | None:
    """Start GitLab's delayed deletion of the project's repository; answers why it was kept, or None.

    A repository that is marked for deletion counts as removed: GitLab has freed its path and keeps it only
    to be restored from.
    """
    found = repository.find(services.gitlab, recorded)
    if found is not None and not found.deletion_date:
        kept = reason_to_keep(found, services.gitlab.repositories.commits(found.id), project, recorded)
        if kept:
            return kept
        services.gitlab.projects.mark_for_deletion(found.id)
    services.records.observations.repository_observed(project.id, _REMOVED)
    return None
