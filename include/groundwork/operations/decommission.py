"""Removing a project, or some of its environments: asked for, checked, marked, and in the end closed.

The steps that remove are in `decommission_steps`. Each may be repeated at any time; a second operation goes
on where the first one ended.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.clients.storage import Storage
from groundwork.errors import InvalidRequest, NotFound, Problem, RemovalRefused, RemovalStuck
from groundwork.model.entities import Observation, Operation, OperationKind, Project, ProjectEnvironment
from groundwork.model.lifecycle import DecommissionRequest
from groundwork.model.request import parse
from groundwork.model.statuses import OperationStatus, Status
from groundwork.operations.closing import explanation, outcome
from groundwork.operations.decommission_steps import refused, request_of
from groundwork.operations.environment_steps import target_of
from groundwork.operations.ledger import carried_out, step
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.operations.subject import environments_named, refusals_audited, run_spec, subject_of

_TOMBSTONE = "mark_removed"


def accept(services: Services, values: dict[str, Any], run: Run) -> Operation:
    """Check the request, open the operation and take the project's lease.

    The same run again gets the same operation. Raises `InvalidRequest` with every problem, `Misconfigured` if
    backups have no usable location, or `ProjectBusy`.
    """
    with refusals_audited(services, run, values):
        request = parse(DecommissionRequest, values)
        if request.backup:
            _check_location(services.settings.backup_location)
        subject = subject_of(services, request.project_id, request.user_id)
        environments_named(services, subject.project, request.environment_ids)
        spec = run_spec(services, OperationKind.DECOMMISSION, subject, run, request.model_dump(mode="json"))
        return services.records.operations.open_existing(subject.project.id, spec)


def check(services: Services, operation_id: UUID) -> None:
    """Look, without writing, for what would be lost and is not the project's.

    Raises `RemovalRefused` with all of it, unless the request lets it go.
    """
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    with step(services, operation_id, "check") as told:
        problems, hidden = [], {}
        for environment in _environments(services, operation):
            slug = environment.environment.slug
            rule, hidden[slug] = refused(services, target_of(services, operation_id, slug), request)
            if rule:
                problems.append(Problem(f"environment_ids.{slug}", rule))
        told.result = {"kinds_that_may_not_be_listed": hidden}
        if problems:
            raise RemovalRefused(problems)


def record_removal(services: Services, operation_id: UUID) -> list[str]:
    """Record everything that is to go as `removing`; the slugs of its environments."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    with step(services, operation_id, "record_removal") as told:
        environments = _environments(services, operation)
        services.records.removals.begin(
            operation_id, [item.id for item in environments], repository=not request.environment_ids
        )
        slugs = [item.environment.slug for item in environments]
        told.result = {"environments": slugs}
    return slugs


def mark_removed(services: Services, operation_id: UUID) -> None:
    """Make sure that all of it is recorded as removed, and leave the tombstone in the audit trail.

    Raises `RemovalStuck` if anything is not.
    """
    operation = services.records.operations.get(operation_id)
    project = services.records.projects.get(operation.project_id)
    with step(services, operation_id, _TOMBSTONE) as told:
        environments = _environments(services, operation)
        whole = not request_of(operation).environment_ids
        states = {item.environment.slug: item.state for item in environments}
        states |= {"project": project.state} if whole and states else {}
        remaining = [f"{name} is {state.status}" for name, state in states.items() if _remains(state)]
        if remaining:
            raise RemovalStuck(f"Not all of project '{project.slug}' is removed: {', '.join(remaining)}.")
        told.result = {"environments": [item.environment.slug for item in environments], "project": whole}
        services.records.removals.finish(operation_id, {**told.result, **_results(services, operation)})


def close(services: Services, operation_id: UUID) -> Operation:
    """Close the operation by what is recorded; nothing stays `removing` that nobody works on any more."""
    records = services.records
    operation = records.operations.get(operation_id)
    entries = records.ledger.steps(operation_id)
    for environment in _environments(services, operation):
        reason, message = explanation(environment, entries)
        for resource in records.resources.resources(environment.id):
            if resource.state.status is Status.REMOVING:
                observed = Observation(Status.FAILED, reason, message)
                records.observations.resource_observed(environment.id, resource.kind, observed)
    project = records.projects.get(operation.project_id)
    reason, message = outcome(project.state.status, project.state.reason, project.state.message, entries)
    if _repository_is_going(services, project):
        records.observations.repository_failed(project.id, reason, message)
    if carried_out(entries, _TOMBSTONE):
        return records.operations.close(operation_id, OperationStatus.SUCCEEDED)
    return records.operations.close(operation_id, OperationStatus.FAILED, reason, message)


def _check_location(location: str | None) -> None:
    if location is None:
        rule = "needs a place to store it in: set GROUNDWORK_BACKUP_LOCATION"
        raise InvalidRequest([Problem("backup", rule)])
    Storage(location)


def _environments(services: Services, operation: Operation) -> list[ProjectEnvironment]:
    project = services.records.projects.get(operation.project_id)
    return environments_named(services, project, request_of(operation).environment_ids)


def _repository_is_going(services: Services, project: Project) -> bool:
    try:
        return services.records.resources.repository(project.id).state.status is Status.REMOVING
    except NotFound:
        return False


def _remains(state: Observation) -> bool:
    return state.status is not Status.REMOVED


def _results(services: Services, operation: Operation) -> dict[str, Any]:
    """What became of repository and backup, as the ledger has it."""
    entries = services.records.ledger.steps(operation.id)
    return {entry.step: entry.result for entry in entries if entry.step in ("retire_repository", "back_up")}
