"""The steps of `decommission_project` that remove, each of which waits until what it removes is gone.

Only what carries the project's marks is touched; what does not is left, and the ledger says so. A step never
sleeps: it raises `WaitingError` with what holds it, and `RemovalStuck` once `removal_deadline` has passed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from groundwork.clients.kubernetes import Cluster
from groundwork.errors import (
    PermanentError,
    Problem,
    RemovalRefused,
    RemovalStuck,
    TemporaryError,
    WaitingError,
)
from groundwork.model.entities import Kind, Observation, Operation
from groundwork.model.lifecycle import DecommissionRequest
from groundwork.model.statuses import Reason, Status
from groundwork.operations.environment_steps import target_of
from groundwork.operations.ledger import Outcome, step
from groundwork.operations.removal import remove_resources
from groundwork.operations.services import Services
from groundwork.resources import contents as namespace_contents
from groundwork.resources import credentials, git_repository, kustomization, namespace, ownership
from groundwork.resources.applied import apply_one, remove_one, title, untold
from groundwork.resources.contents import Contents, listed
from groundwork.resources.ownership import Claim
from groundwork.resources.target import Target

_SHORTEST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_PAUSE_SHARE = 0.1
_TAKEN_UP_WITHIN = 60.0
_REMOVED = Observation(Status.REMOVED, Reason.REMOVED)


def request_of(operation: Operation) -> DecommissionRequest:
    """The request an operation was opened with."""
    return DecommissionRequest.model_validate(operation.request)


def suspend_flux(services: Services, operation_id: UUID, environment: str) -> None:
    """Suspend what is there of the environment's Flux objects, so that nothing more is applied."""
    with _removal(services, operation_id, environment, "suspend_flux", Kind.KUSTOMIZATION) as (
        target,
        outcome,
    ):
        cluster, name = _cluster(services, target), target.project.slug
        made = {
            kustomization.suspended: kustomization.reference(target.namespace, name),
            git_repository.suspended: git_repository.reference(target.namespace, name),
        }
        for manifest, reference in made.items():
            if ownership.claim_on_object(cluster.get(reference), target.project.id) is Claim.OURS:
                apply_one(cluster, manifest(target), target.project.id, untold)
                outcome.result.setdefault("suspended", []).append(title(reference))


def remove_kustomization(services: Services, operation_id: UUID, environment: str) -> None:
    """Remove the Kustomization, let Flux prune what it has applied, and wait until that is gone."""
    with _removal(services, operation_id, environment, "remove_kustomization", Kind.KUSTOMIZATION) as (
        target,
        outcome,
    ):
        _remove(services, target, Kind.KUSTOMIZATION, outcome)
        pruned = namespace_contents.applied(_contents(services, target), target)
        going = [item for item in pruned if item["metadata"].get("deletionTimestamp")]
        if going:
            raise WaitingError(f"Flux is still pruning {listed([title(item) for item in going])}.")
        outcome.result["not_pruned"] = [title(item) for item in pruned]


def remove_source(services: Services, operation_id: UUID, environment: str) -> None:
    """Remove the GitRepository."""
    with _removal(services, operation_id, environment, "remove_source", Kind.GIT_REPOSITORY) as (
        target,
        outcome,
    ):
        _remove(services, target, Kind.GIT_REPOSITORY, outcome)


def remove_credentials(services: Services, operation_id: UUID, environment: str) -> None:
    """Remove the Secret and revoke the environment's deploy tokens."""
    with _removal(services, operation_id, environment, "remove_credentials", Kind.CREDENTIALS) as (
        target,
        outcome,
    ):
        _remove(services, target, Kind.CREDENTIALS, outcome)
        credentials.revoke_all(services.gitlab, target, target.repository.gitlab_id)


def remove_namespace(services: Services, operation_id: UUID, environment: str) -> None:
    """Remove the namespace with its guardrails, and wait until it is gone.

    Raises `RemovalRefused` if something has come into it meanwhile that is not the project's.
    """
    with _removal(services, operation_id, environment, "remove_namespace", Kind.NAMESPACE) as (
        target,
        outcome,
    ):
        request = request_of(services.records.operations.get(operation_id))
        rule, _ = refused(services, target, request)
        if rule:
            raise RemovalRefused([Problem(f"environment_ids.{environment}", rule)])
        _remove(services, target, Kind.NAMESPACE, outcome)
        services.records.observations.resource_observed(target.environment.id, Kind.GUARDRAILS, _REMOVED)


def refused(services: Services, target: Target, request: DecommissionRequest) -> tuple[str | None, list[str]]:
    """Why the environment's namespace must stay, or None; and the kinds that could not be looked at."""
    cluster = _cluster(services, target)
    existing = cluster.get(namespace.reference(target.namespace))
    if ownership.claim_on_object(existing, target.project.id) is not Claim.OURS:
        return None, []
    contents = _contents(services, target)
    others = namespace_contents.foreign(contents, target)
    if not others or request.delete_foreign_objects:
        return None, list(contents.hidden)
    rule = (
        f"namespace {target.namespace} on cluster {cluster.name} holds what neither Groundwork nor Flux would"
        f" remove: {listed(others)}. Move it away, or set delete_foreign_objects to lose it"
    )
    return rule, list(contents.hidden)


@contextmanager
def _removal(
    services: Services, operation_id: UUID, environment: str, name: str, kind: Kind
) -> Iterator[tuple[Target, Outcome]]:
    """A ledger step that waits, in tries of its own, until a deadline that its first try has set."""
    target = target_of(services, operation_id, environment)
    deadline = _deadline(services, operation_id, environment, name)
    intent = {"namespace": target.namespace, "deadline": deadline}
    with step(services, operation_id, name, environment, intent) as outcome:
        try:
            yield target, outcome
        except TemporaryError as error:
            message = _explained(services, target, error)
            left = deadline - time.time()
            if left > 0:
                raise type(error)(
                    message, _pause(error, services.settings.removal_deadline - left)
                ) from error
            stuck = RemovalStuck(f"{kind} of '{environment}' was not removed in time. {message}")
            _failed(services, target, kind, stuck)
            raise stuck from error
        except PermanentError as error:
            _failed(services, target, kind, error)
            raise


def _deadline(services: Services, operation_id: UUID, environment: str, name: str) -> float:
    """That of the tries before; a step that is run again after it got stuck has all the time anew."""
    now = time.time()
    for entry in services.records.ledger.steps(operation_id):
        if (entry.step, entry.scope) == (name, environment) and entry.reason != RemovalStuck.reason:
            earlier = float(entry.intent["deadline"])
            if now < earlier + _TAKEN_UP_WITHIN:
                return earlier
    return now + services.settings.removal_deadline


def _pause(error: TemporaryError, waited: float) -> float:
    """Seconds until the next look: the longer it has taken, the longer."""
    own = min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, waited * _PAUSE_SHARE))
    return max(own, error.retry_after or 0.0)


def _explained(services: Services, target: Target, error: TemporaryError) -> str:
    """The error's message with the objects that hold the removal up, where that is what it waits for."""
    if not isinstance(error, WaitingError):
        return error.message
    try:
        holding = namespace_contents.held(_contents(services, target).objects)
    except TemporaryError:
        return error.message
    if not holding:
        return error.message
    return f"{error.message} Held by: {listed(holding)}. Whoever set a finalizer has to finish and remove it."


def _remove(services: Services, target: Target, kind: Kind, outcome: Outcome) -> None:
    """Remove one resource; one that is not the project's any more is left, and that is recorded."""
    cluster, name = _cluster(services, target), target.project.slug
    reference = {
        Kind.KUSTOMIZATION: kustomization.reference(target.namespace, name),
        Kind.GIT_REPOSITORY: git_repository.reference(target.namespace, name),
        Kind.CREDENTIALS: credentials.reference(target),
        Kind.NAMESPACE: namespace.reference(target.namespace),
    }[kind]
    existing = cluster.get(reference)
    if existing is not None and ownership.claim_on_object(existing, target.project.id) is Claim.FOREIGN:
        outcome.result["left"] = title(reference)
        message = f"{title(reference)} does not carry the project's marks; it was left"
        observed = Observation(Status.REMOVED, Reason.LEFT, message)
        services.records.observations.resource_observed(target.environment.id, kind, observed)
    elif kind is Kind.NAMESPACE:
        remove_one(cluster, reference, target.project.id)
        services.records.observations.resource_observed(target.environment.id, kind, _REMOVED)
    else:
        remove_resources(services, target, [kind], _REMOVED)


def _contents(services: Services, target: Target) -> Contents:
    return Contents(*_cluster(services, target).contents(target.namespace))


def _failed(services: Services, target: Target, kind: Kind, error: PermanentError) -> None:
    observed = Observation(Status.FAILED, error.reason, error.message)
    services.records.observations.resource_observed(target.environment.id, kind, observed)


def _cluster(services: Services, target: Target) -> Cluster:
    return services.cluster(target.environment.environment.cluster)
