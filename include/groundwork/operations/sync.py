"""Waiting for Flux: what a wait expects, a look at how it stands, and what becomes of one that failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from groundwork.clients.gitlab import GitLab
from groundwork.errors import SyncFailed, WaitingError
from groundwork.model.entities import Kind, Observation, Operation, StepEntry
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations.environment_steps import (
    apply_git_repository,
    apply_kustomization,
    environment_step,
    target_of,
)
from groundwork.operations.project_steps import gitlab_id
from groundwork.operations.services import Services
from groundwork.resources import git_repository, kustomization
from groundwork.resources.applied import apply_one
from groundwork.resources.target import Target
from groundwork.resources.verdict import Expectation, Lineage, Outcome, Verdict, verdict

STEP = "wait_until_synced"
DEADLINE_EXCEEDED = "DeadlineExceeded"
_TAKEN_UP_WITHIN = 60.0
_LOOK_AGAIN = 2.0


@dataclass(frozen=True)
class Wait:
    """One environment's wait. `deadline` is Unix time in seconds; `cluster` a connection id."""

    entry_id: UUID
    target: Target
    expected: Expectation
    deadline: float

    @property
    def environment_slug(self) -> str:
        return self.target.environment.environment.slug

    @property
    def cluster(self) -> str:
        return self.target.environment.environment.cluster

    @property
    def name(self) -> str:
        return kustomization.name(self.target)

    @property
    def gitlab_project_id(self) -> int:
        return gitlab_id(self.target.repository)


def begin_wait(services: Services, operation_id: UUID, environment: str) -> Wait:
    """Begin to wait, or go on with a wait that was cut off, under its first deadline.

    A wait that had failed starts anew: Flux is asked to fetch again and the Kustomization is applied again,
    which also resumes a parked one.
    """
    services.records.lease.renew(operation_id, services.settings.lease_seconds)
    target = target_of(services, operation_id, environment)
    entries = _entries(services, operation_id, environment)
    operation = services.records.operations.get(operation_id)
    intent = _intent(services, target, operation, entries.get(STEP), entries.get("create_kustomization"))
    entry = services.records.ledger.begin(operation_id, STEP, environment, intent)
    remaining = max(0.0, intent["deadline"] - time.time())
    services.records.lease.renew(operation_id, remaining + services.settings.lease_seconds)
    return _wait(services, target, entry)


def look(services: Services, wait: Wait) -> Verdict:
    """How the environment stands now. Raises `Unavailable` and other temporary errors of the look itself."""
    cluster = services.cluster(wait.cluster)
    source = cluster.get(git_repository.reference(wait.target.namespace, wait.name))
    applied = cluster.get(kustomization.reference(wait.target.namespace, wait.name))
    found = verdict(source, applied, wait.expected)
    if found.unknown_revision is None:
        return found
    other = found.unknown_revision
    known = lineage(services.gitlab, wait.gitlab_project_id, wait.expected.revision, other)
    return verdict(source, applied, replace(wait.expected, lineage={other: known}))


def lineage(gitlab: GitLab, project_id: int, ours: str, other: str) -> Lineage:
    """How commit `other` stands to `ours` in the repository's history."""
    base = gitlab.repositories.merge_base(project_id, (ours, other))
    if base == ours:
        return Lineage.DESCENDANT
    return Lineage.ANCESTOR if base == other else Lineage.UNRELATED


def timed_out(last: Verdict) -> Verdict:
    """The verdict at a deadline: what was last waited for is the explanation."""
    message = f"not synced before its deadline; last seen: {last}"
    return Verdict(Outcome.FAILED, DEADLINE_EXCEEDED, message, last.kind)


def mark_environment_synced(services: Services, operation_id: UUID, environment: str) -> None:
    """Record the commit that Flux has applied, as seen now.

    Raises `WaitingError` if Flux has meanwhile begun with a newer commit, `SyncFailed` if it has failed.
    """
    observations = services.records.observations
    with environment_step(services, operation_id, environment, "mark_environment_synced") as (
        target,
        outcome,
    ):
        entry = _entries(services, operation_id, environment).get(STEP)
        if entry is None:
            raise SyncFailed(f"Nothing has waited for environment '{environment}'; run {STEP} first.")
        current = look(services, _wait(services, target, entry))
        if not current.final:
            raise WaitingError(str(current), _LOOK_AGAIN)
        if current.outcome is not Outcome.SYNCED:
            raise SyncFailed(str(current))
        outcome.external_id = current.revision
        services.records.ledger.done(entry.id, external_id=current.revision)
        for kind in (Kind.GIT_REPOSITORY, Kind.KUSTOMIZATION):
            observations.resource_observed(
                target.environment.id,
                kind,
                Observation(Status.SYNCED, Reason.OBSERVED, revision=current.revision),
            )


def record_failure(services: Services, wait: Wait, final: Verdict) -> None:
    """Write a wait's bad end into ledger and records, and park what would only keep failing."""
    message, repository = final.message, wait.target.repository.state
    if repository.reason == Reason.MERGE_REQUEST_OPEN:
        message += f"; {repository.message}"
    if parks(final):
        _park(services, wait, final)
        message += " (parked: Flux leaves it alone until this is run again)"
    services.records.ledger.failed(wait.entry_id, final.reason, message)
    services.records.observations.resource_observed(
        wait.target.environment.id, Kind(final.kind), Observation(Status.FAILED, final.reason, message)
    )


def parks(final: Verdict) -> bool:
    """Whether the content itself is at fault; a wait that ran out of time may have met a busy controller."""
    return final.outcome is Outcome.FAILED and final.reason != DEADLINE_EXCEEDED


def _park(services: Services, wait: Wait, final: Verdict) -> None:
    manifest = kustomization.parked(wait.target, wait.expected.requested_at, final.reason)
    creating = partial(services.records.ledger.creates, wait.entry_id)
    apply_one(services.cluster(wait.cluster), manifest, wait.target.project.id, creating)
    details = {"environment": wait.environment_slug, "reason": final.reason, "message": final.message}
    services.records.audit.changed(wait.target.project.id, "environment.parked", details)


def _wait(services: Services, target: Target, entry: StepEntry) -> Wait:
    revision, settings = target.repository.state.revision, services.settings
    if revision is None:
        raise SyncFailed(f"Repository {target.repository.path} has no commit yet; run push_template first.")
    expected = Expectation(
        revision,
        entry.intent["requested_at"],
        entry.intent["attempts_before"],
        settings.sync_max_apply_attempts,
        settings.sync_max_health_attempts,
    )
    return Wait(entry.id, target, expected, entry.intent["deadline"])


def _entries(services: Services, operation_id: UUID, environment: str) -> dict[str, StepEntry]:
    entries = services.records.ledger.steps(operation_id)
    return {entry.step: entry for entry in entries if entry.scope == environment}


def _intent(
    services: Services,
    target: Target,
    operation: Operation,
    earlier: StepEntry | None,
    applied: StepEntry | None,
) -> dict[str, Any]:
    known = (applied.result if applied else None) or {}
    if earlier is not None and _goes_on(earlier, known):
        return earlier.intent
    if earlier is not None and earlier.status is OperationStatus.FAILED:
        creating = partial(services.records.ledger.creates, earlier.id)
        # What cures it may be a commit that Flux has not fetched yet.
        apply_git_repository(services, target, creating)
        _, known = apply_kustomization(services, target, creating)
    if not known:
        raise SyncFailed("The Kustomization has not been applied yet; run create_kustomization first.")
    return {**known, "deadline": time.time() + _seconds(services, target, operation)}


def _seconds(services: Services, target: Target, operation: Operation) -> float:
    """How long the wait may take: as the request, the environment's policy or the settings say."""
    policy = target.environment.environment.policy
    requested = operation.request.get("sync_deadline")
    return float(requested or policy.sync_deadline or services.settings.sync_deadline)


def _goes_on(earlier: StepEntry, known: dict[str, Any]) -> bool:
    """Whether a wait was cut off and is taken up again: nothing applied since, and not long over.

    A wait that had failed has applied the Kustomization itself, later than the step before it. Tokens are
    times in one form, so they compare as they follow each other.
    """
    return (
        earlier.status is OperationStatus.RUNNING
        and earlier.intent.get("requested_at", "") >= known.get("requested_at", "")
        and time.time() < earlier.intent["deadline"] + _TAKEN_UP_WITHIN
    )
