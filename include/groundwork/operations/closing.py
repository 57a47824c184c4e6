"""How an operation ends: every environment that did not become synced says why, then the lease is free."""

from __future__ import annotations

from uuid import UUID

from groundwork.model.entities import Operation, ProjectEnvironment, StepEntry
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations import failure
from groundwork.operations.ledger import carried_out
from groundwork.operations.project_steps import LAST_STEP
from groundwork.operations.services import Services

_CUT_OFF = "CutOff"


def close_operation(services: Services, operation_id: UUID) -> Operation:
    """Close the operation by what is recorded; nothing stays `pending` that nobody works on any more."""
    records = services.records
    operation = records.operations.get(operation_id)
    entries = records.ledger.steps(operation_id)
    for environment in records.resources.environments_of(operation.project_id):
        if environment.state.status in (Status.PENDING, Status.APPLIED):
            reason, message = explanation(environment, entries)
            records.observations.environment_failed(environment.id, reason, message)
    project = records.projects.get(operation.project_id)
    if carried_out(entries, LAST_STEP):
        return records.operations.close(operation_id, OperationStatus.SUCCEEDED)
    reason, message = outcome(project.state.status, project.state.reason, project.state.message, entries)
    settled = failure.told(entries)
    message = f"{message} ({settled})" if settled else message
    return records.operations.close(operation_id, OperationStatus.FAILED, reason, message)


def explanation(environment: ProjectEnvironment, entries: list[StepEntry]) -> tuple[str, str]:
    """Why an environment was not finished: its own last unfinished step, or else the project's. Pure."""
    slug = environment.environment.slug
    for scope in (slug, ""):
        unfinished = [
            entry
            for entry in entries
            if entry.scope == scope and entry.status is not OperationStatus.SUCCEEDED
        ]
        if unfinished:
            return _told(unfinished[-1], own=scope == slug)
    return Reason.NOT_REACHED, "The run ended before this environment was finished; run it again."


def outcome(status: Status, reason: str, message: str, entries: list[StepEntry]) -> tuple[str, str]:
    """Reason and message of a failed operation: the project's, or those of the step that stopped it. Pure."""
    if status is Status.FAILED and message:
        return reason, message
    failed = [entry for entry in entries if entry.status is not OperationStatus.SUCCEEDED]
    if failed:
        return _told(failed[-1], own=True)
    return Reason.NOT_REACHED, "The run ended before it began; run it again."


def _told(entry: StepEntry, *, own: bool) -> tuple[str, str]:
    if entry.status is OperationStatus.RUNNING:
        return _CUT_OFF, f"{entry.step} was cut off before it could say how it ended; run it again."
    text = f"{entry.step}: {entry.message}"
    return (entry.reason or _CUT_OFF, text) if own else (Reason.NOT_REACHED, f"not reached: {text}")
