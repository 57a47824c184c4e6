"""What becomes of what a failed operation made: kept, rolled back, or put into quarantine.

A rollback removes only what the ledger proves this operation created: what it looked for, found absent and
then set out to create.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from groundwork.errors import Conflict, NotFound, WaitingError
from groundwork.model.entities import Kind, Observation, Operation, StepEntry
from groundwork.model.request import FailurePolicy
from groundwork.model.statuses import Reason, Status
from groundwork.operations.environment_steps import request_token, target_of
from groundwork.operations.ledger import carried_out, step
from groundwork.operations.project_steps import LAST_STEP
from groundwork.operations.removal import remove_environment, remove_repository, remove_resources
from groundwork.operations.services import Services
from groundwork.resources import git_repository, kustomization, ownership, repository
from groundwork.resources.applied import apply_one, untold
from groundwork.resources.ownership import Claim
from groundwork.resources.target import Target

STEP = "apply_failure_policy"
_NOT_MADE = Observation(Status.PENDING, Reason.ROLLED_BACK, "rolled back, because its operation failed")
_KINDS = {
    "Kustomization": Kind.KUSTOMIZATION,
    "GitRepository": Kind.GIT_REPOSITORY,
    "Secret": Kind.CREDENTIALS,
}


@dataclass
class Settlement:
    """What was done, by name; `kept` gives each thing that stays its reason."""

    removed: list[str] = field(default_factory=list)
    suspended: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [
            f"{done} {', '.join(names)}"
            for done, names in (("removed", self.removed), ("suspended", self.suspended))
            if names
        ]
        kept = [f"{name} ({why})" if why else name for name, why in self.kept.items()]
        return "; ".join([*told, f"kept {', '.join(kept)}"] if kept else told) or "nothing had been made"


def apply_failure_policy(services: Services, operation_id: UUID) -> None:
    """Do what the request wants done when it fails; nothing where all of it was carried out.

    Raises `WaitingError` until what is removed is gone.
    """
    operation = services.records.operations.get(operation_id)
    entries = services.records.ledger.steps(operation_id)
    if carried_out([entry for entry in entries if entry.step != STEP], LAST_STEP):
        return
    policy = FailurePolicy(operation.request.get("on_failure", FailurePolicy.KEEP))
    with step(services, operation_id, STEP, intent={"policy": policy}) as outcome:
        settlement = _POLICIES[policy](services, operation, entries)
        outcome.result = {"policy": policy, "told": str(settlement), **vars(settlement)}


def created(entries: Sequence[StepEntry]) -> dict[str, list[str]]:
    """Per scope, everything the operation set out to create, in that order. Pure."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(entry.scope, []).extend(entry.creates)
    return found


def told(entries: Sequence[StepEntry]) -> str | None:
    """What the failure policy did, for a person; None if it was not applied. Pure."""
    results = (entry.result for entry in entries if entry.step == STEP and entry.result)
    return next((f"{result['policy']}: {result['told']}" for result in results), None)


def _keep(services: Services, operation: Operation, entries: Sequence[StepEntry]) -> Settlement:
    del services, operation
    made = created(entries)
    return Settlement(kept={_named(scope, thing): "" for scope, things in made.items() for thing in things})


def _rollback(services: Services, operation: Operation, entries: Sequence[StepEntry]) -> Settlement:
    settlement, made = Settlement(), created(entries)
    waiting: list[WaitingError] = []
    for scope, things in reversed(made.items()):
        if not scope:
            continue
        # One that waits does not keep the next from going.
        try:
            _roll_back_environment(services, operation, scope, things, settlement)
        except WaitingError as error:
            waiting.append(error)
        except Conflict as error:
            settlement.kept[scope] = error.message
    if waiting:
        raise waiting[0]
    _roll_back_repository(services, operation, made.get("", ()), settlement)
    return settlement


def _roll_back_environment(
    services: Services, operation: Operation, scope: str, things: Sequence[str], settlement: Settlement
) -> None:
    target = target_of(services, operation.id, scope)
    space = f"{Kind.NAMESPACE}/{target.namespace}"
    if space in things:
        remove_environment(services, target)
        settlement.removed.append(f"{space} with all in it")
        return
    kinds = {thing: _KINDS.get(thing.partition("/")[0]) for thing in things}
    remove_resources(services, target, [kind for kind in kinds.values() if kind], _NOT_MADE)
    for thing, kind in kinds.items():
        if kind:
            settlement.removed.append(_named(scope, thing))
        else:
            settlement.kept[_named(scope, thing)] = "part of a namespace that stays"


def _roll_back_repository(
    services: Services, operation: Operation, things: Sequence[str], settlement: Settlement
) -> None:
    if not things:
        return
    project = services.records.projects.get(operation.project_id)
    recorded = services.records.resources.repository(project.id)
    name = repository.title(recorded)
    if name not in things:
        settlement.kept |= dict.fromkeys(things, "part of a repository that stays")
        return
    kept = remove_repository(services, project, recorded)
    if kept:
        settlement.kept[name] = kept
    else:
        settlement.removed.append(name)


def _quarantine(services: Services, operation: Operation, entries: Sequence[StepEntry]) -> Settlement:
    del entries
    settlement = Settlement()
    project = services.records.projects.get(operation.project_id)
    for environment in services.records.resources.environments_of(project.id):
        target = target_of(services, operation.id, environment.environment.slug)
        settlement.suspended += _suspend(services, target)
    try:
        recorded = services.records.resources.repository(project.id)
    except NotFound:
        return settlement
    found = repository.find(services.gitlab, recorded)
    if found is None or ownership.claim_on_repository(found, project.id) is not Claim.OURS:
        return settlement
    if repository.is_adopted(found):
        settlement.kept[repository.title(recorded)] = "it was there before Groundwork adopted it"
        return settlement
    services.gitlab.projects.archive(found.id)
    message = "archived, because the operation that made it failed and asked for quarantine"
    services.records.observations.repository_failed(project.id, Reason.QUARANTINED, message)
    settlement.suspended.append(repository.title(recorded))
    return settlement


def _suspend(services: Services, target: Target) -> list[str]:
    """Suspend what is there of an environment's Flux objects; answers what that was."""
    cluster, token = services.cluster(target.environment.environment.cluster), request_token()
    suspended = {
        Kind.KUSTOMIZATION: kustomization.parked(target, token, Reason.QUARANTINED),
        Kind.GIT_REPOSITORY: git_repository.suspended(target),
    }
    done = []
    for kind, manifest in suspended.items():
        existing = cluster.get(manifest)
        if ownership.claim_on_object(existing, target.project.id) is not Claim.OURS:
            continue
        apply_one(cluster, manifest, target.project.id, untold)
        observed = Observation(Status.FAILED, Reason.QUARANTINED, "suspended, because its operation failed")
        services.records.observations.resource_observed(target.environment.id, kind, observed)
        done.append(_named(target.environment.environment.slug, f"{kind}/{target.project.slug}"))
    return done


def _named(scope: str, thing: str) -> str:
    return f"{thing} of {scope}" if scope else thing


_POLICIES: Mapping[FailurePolicy, Callable[[Services, Operation, Sequence[StepEntry]], Settlement]] = {
    FailurePolicy.KEEP: _keep,
    FailurePolicy.ROLLBACK: _rollback,
    FailurePolicy.QUARANTINE: _quarantine,
}
