"""The steps of `initialize_project` that concern one environment. Each may be repeated at any time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from groundwork.clients.kubernetes import Cluster
from groundwork.errors import NotFound, PermanentError
from groundwork.model.entities import Kind, Observation
from groundwork.model.statuses import Reason, Status
from groundwork.operations.ledger import Outcome, step
from groundwork.operations.project_steps import gitlab_id
from groundwork.operations.services import Services
from groundwork.resources import credentials, git_repository, guardrails, kustomization, namespace
from groundwork.resources.applied import Applied, Creating, apply_all, apply_one, title
from groundwork.resources.target import Pace, Target
from groundwork.resources.verdict import failed_attempts
from groundwork.settings import Settings

_SEEN = Observation(Status.SYNCED, Reason.OBSERVED)
_ACCEPTED = Observation(Status.APPLIED, Reason.ACCEPTED)


def create_namespace(services: Services, operation_id: UUID, environment: str) -> None:
    """Create the namespace and its guardrails."""
    with environment_step(services, operation_id, environment, "create_namespace") as (
        target,
        outcome,
    ):
        cluster = _cluster(services, target)
        made = apply_one(cluster, namespace.desired(target), target.project.id, outcome.creating)
        _tell(outcome, made)
        _observe(services, target, Kind.NAMESPACE, _SEEN, made)
        apply_all(cluster, guardrails.desired(target), target.project.id, outcome.creating)
        services.records.observations.resource_observed(
            target.environment.id, Kind.GUARDRAILS, _SEEN, created_by_us=True
        )


def create_credentials(services: Services, operation_id: UUID, environment: str) -> None:
    """Make sure exactly one deploy token is in the namespace."""
    with environment_step(services, operation_id, environment, "create_credentials") as (
        target,
        outcome,
    ):
        cluster = _cluster(services, target)
        made = credentials.apply(
            services.gitlab,
            cluster,
            target,
            gitlab_id(target.repository),
            credentials.expiry(services.settings.deploy_token_days),
            outcome.creating,
        )
        outcome.external_id = str(made.token_id)
        outcome.created = made.created or title(credentials.reference(target)) in outcome.creates
        services.records.observations.resource_observed(
            target.environment.id,
            Kind.CREDENTIALS,
            _SEEN,
            external_id=str(made.token_id),
            created_by_us=True,
        )


def create_git_repository(services: Services, operation_id: UUID, environment: str) -> None:
    """Create the Flux GitRepository and ask Flux to fetch now."""
    with environment_step(services, operation_id, environment, "create_git_repository") as (
        target,
        outcome,
    ):
        _tell(outcome, apply_git_repository(services, target, outcome.creating))


def create_kustomization(services: Services, operation_id: UUID, environment: str) -> None:
    """Create the Flux Kustomization, or resume a parked one, and ask Flux to apply now."""
    with environment_step(services, operation_id, environment, "create_kustomization") as (
        target,
        outcome,
    ):
        made, outcome.result = apply_kustomization(services, target, outcome.creating)
        _tell(outcome, made)


def apply_git_repository(services: Services, target: Target, creating: Creating) -> Applied:
    """Apply the GitRepository and ask Flux to fetch now."""
    manifest = git_repository.desired(target, request_token())
    made = apply_one(_cluster(services, target), manifest, target.project.id, creating)
    _observe(services, target, Kind.GIT_REPOSITORY, _ACCEPTED, made)
    return made


def apply_kustomization(
    services: Services, target: Target, creating: Creating
) -> tuple[Applied, dict[str, object]]:
    """Apply the Kustomization; also what a wait for it must know: the token Flux was asked with, and how
    often it had failed on the commit before."""
    token = request_token()
    manifest = kustomization.desired(target, token)
    made = apply_one(_cluster(services, target), manifest, target.project.id, creating)
    _observe(services, target, Kind.KUSTOMIZATION, _ACCEPTED, made)
    attempts = failed_attempts(made.stored, target.repository.state.revision or "")
    return made, {"requested_at": token, "attempts_before": attempts}


def target_of(services: Services, operation_id: UUID, environment: str) -> Target:
    """All that an environment's objects are computed from, as recorded now; `environment` is its slug.

    Raises `NotFound` if the operation's project has no such environment.
    """
    records, settings = services.records, services.settings
    project_id = records.operations.get(operation_id).project_id
    recorded = {item.environment.slug: item for item in records.resources.environments_of(project_id)}
    if environment not in recorded:
        raise NotFound(f"Project {project_id} has no environment '{environment}' in the records.")
    return Target(
        project=records.projects.get(project_id),
        repository=records.resources.repository(project_id),
        environment=recorded[environment],
        pace=pace(settings),
    )


def pace(settings: Settings) -> Pace:
    """How often Flux is to look, as the settings say."""
    return Pace(settings.flux_interval, settings.flux_retry_interval, settings.flux_timeout)


def request_token() -> str:
    """A new token for Flux's `requestedAt`, in the form its own command line uses."""
    return datetime.now(UTC).isoformat()


@contextmanager
def environment_step(
    services: Services, operation_id: UUID, environment: str, name: str
) -> Iterator[tuple[Target, Outcome]]:
    """A ledger step of one environment; a permanent error shows on the environment's records too."""
    target = target_of(services, operation_id, environment)
    with step(services, operation_id, name, environment, {"namespace": target.namespace}) as outcome:
        try:
            yield target, outcome
        except PermanentError as error:
            services.records.observations.environment_failed(
                target.environment.id, error.reason, error.message
            )
            raise


def _cluster(services: Services, target: Target) -> Cluster:
    return services.cluster(target.environment.environment.cluster)


def _tell(outcome: Outcome, made: Applied) -> None:
    """Say in the ledger what a step's main object is, and whether this operation made it."""
    outcome.external_id, outcome.created = made.uid, title(made.stored) in outcome.creates


def _observe(services: Services, target: Target, kind: Kind, observation: Observation, made: Applied) -> None:
    # Nothing in a cluster is ever adopted: what carries the project's marks was made for it.
    services.records.observations.resource_observed(
        target.environment.id, kind, observation, external_id=made.uid, created_by_us=True
    )
