"""The links told by Groundwork's records and by Airflow: how it is recorded, how the last run went. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from groundwork.model.entities import Observation, Operation, StepEntry
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations.diagnosis import advice
from groundwork.operations.diagnosis.facts import ProjectFacts, RunFacts, TaskFacts
from groundwork.operations.diagnosis.findings import Link, Place, State

_SETTLED = (Status.SYNCED, Status.REMOVED)
# Steps that only look at what others have made, or tidy up after them.
_FOLLOWING = ("mark_project_synced", "apply_failure_policy")
_CUT_OFF = "CutOff"


def record(name: str, state: Observation) -> Link:
    """How the project or environment is recorded. It is never a cause before everything else is in place."""
    if state.status in _SETTLED:
        return Link(Place.RECORD, name, State.OK, state.reason, f"is {state.status}")
    told = f"is {state.status}: {state.message}" if state.message else f"is {state.status}"
    return Link(Place.RECORD, name, State.AFFECTED, state.reason, told)


def only_recorded(link: Link) -> Link:
    """The record as the cause: everything is in place, and the record does not say so."""
    message = f"{link.message}, but everything it stands for is in place"
    return Link(link.place, link.name, State.BROKEN, link.reason, message, advice.AGAIN, repairable=True)


def run(facts: ProjectFacts, scope: str) -> Link:
    """How the last operation went for an environment, or ('') for the project as a whole."""
    operation = facts.case.operation
    if operation is None:
        return Link(Place.RUN, "none", State.ABSENT, Reason.NOT_REACHED, "no run has begun")
    name = f"{operation.dag_id} {operation.run_id}"
    if operation.status is OperationStatus.SUCCEEDED:
        return Link(Place.RUN, name, State.OK, message="has succeeded")
    if operation.status is OperationStatus.RUNNING:
        return _running(facts, operation, name, scope)
    return _failed(facts, operation, name, scope)


def _running(facts: ProjectFacts, operation: Operation, name: str, scope: str) -> Link:
    seen, held = facts.run or RunFacts(), facts.case.held_until
    if seen.error is not None:
        return Link(Place.RUN, name, State.UNKNOWN, seen.error.reason, seen.error.message, "look again")
    ended = _ended(seen) or (None if held else "has stopped renewing its lease")
    if ended:
        return _dead(facts, name, ended)
    if seen.paused:
        message = f"waits in Airflow, where {operation.dag_id} is paused"
        remedy = "unpause the DAG in Airflow's UI"
        return Link(Place.RUN, name, State.BROKEN, "Paused", message, remedy)
    doing = "; ".join(_told(task, facts.case.steps) for task in _of(seen.tasks, scope))
    message = f"is at work: {doing}" if doing else "is at work"
    return Link(Place.RUN, name, State.WAITING, "Running", message, "wait until it has ended")


def _ended(seen: RunFacts) -> str | None:
    if seen.gone:
        return "is recorded as running, but Airflow has no such run any more"
    if seen.state in ("success", "failed"):
        return f"is recorded as running, but ended in Airflow as {seen.state}"
    return None


def _dead(facts: ProjectFacts, name: str, ended: str) -> Link:
    held = facts.case.held_until
    if held is None:
        return Link(Place.RUN, name, State.BROKEN, _CUT_OFF, ended, advice.AGAIN, repairable=True)
    remedy = f"wait until its lease ends at {held:%Y-%m-%d %H:%M:%S} UTC, then {advice.AGAIN}"
    return Link(Place.RUN, name, State.BROKEN, _CUT_OFF, ended, remedy)


def _failed(facts: ProjectFacts, operation: Operation, name: str, scope: str) -> Link:
    entry = _failed_step(facts.case.steps, scope)
    if entry is None and facts.case.steps and scope and _passed(facts.case.steps, scope):
        return Link(Place.RUN, name, State.OK, message="has done all its steps here")
    if entry is None:
        reason, message = operation.reason or _CUT_OFF, operation.message or "ended without a word"
    elif entry.status is OperationStatus.RUNNING:
        reason, message = _CUT_OFF, f"{entry.step} was cut off before it could say how it ended"
    else:
        reason, message = entry.reason or _CUT_OFF, f"{entry.step} failed: {entry.message}"
    task = _task(facts.run, entry)
    if task:
        message += f" (Airflow: {task.state}, try {task.try_number}{f': {task.log}' if task.log else ''})"
    if facts.run and facts.run.error:
        message += f" (Airflow could not be asked: {facts.run.error.message})"
    advised = advice.for_run(reason)
    return Link(Place.RUN, name, State.BROKEN, reason, message, advised.remedy, advised.repairable)


def _failed_step(steps: Sequence[StepEntry], scope: str) -> StepEntry | None:
    """The step that stopped the scope: its own, or else the project's."""
    for place in dict.fromkeys((scope, "")):
        unfinished = [
            entry
            for entry in steps
            if entry.scope == place
            and entry.status is not OperationStatus.SUCCEEDED
            and entry.step not in _FOLLOWING
        ]
        if unfinished:
            return unfinished[0]
    return None


def _passed(steps: Sequence[StepEntry], scope: str) -> bool:
    return any(entry.scope == scope and entry.step == "mark_environment_synced" for entry in steps)


def _of(tasks: Sequence[TaskFacts], scope: str) -> list[TaskFacts]:
    return [task for task in tasks if task.scope == scope] or [task for task in tasks if not task.scope]


def _task(seen: RunFacts | None, entry: StepEntry | None) -> TaskFacts | None:
    if seen is None or entry is None:
        return None
    return next((task for task in seen.tasks if (task.step, task.scope) == (entry.step, entry.scope)), None)


def _told(task: TaskFacts, steps: Sequence[StepEntry]) -> str:
    """What a task is doing, and what its last try ended with."""
    entry = next((item for item in steps if (item.step, item.scope) == (task.step, task.scope)), None)
    last = f", last: {entry.reason}: {entry.message}" if entry and entry.reason else ""
    return f"{task.step} is {task.state}, try {task.try_number}{last}"
