"""Looking at Airflow: the runs that are recorded as running, the tasks of all runs in lists, and logs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from uuid import UUID

from groundwork.clients.airflow import Airflow, TaskOfRun
from groundwork.errors import GroundworkError, NotFound
from groundwork.model.entities import Operation, StepEntry
from groundwork.model.statuses import OperationStatus
from groundwork.operations.diagnosis.facts import RunFacts, TaskFacts
from groundwork.records.cases import Case

_TOGETHER = 100
_FAILED = "failed"
_UNFINISHED = ("queued", "running", "restarting", "deferred", "up_for_retry", "up_for_reschedule")


def runs(airflow: Airflow, pool: Executor, cases: Sequence[Case], *, logs: bool) -> dict[UUID, RunFacts]:
    """The run of each project's last operation, unless that succeeded; by the project's id."""
    asked = [
        (case, case.operation)
        for case in cases
        if case.operation and case.operation.status is not OperationStatus.SUCCEEDED
    ]
    try:
        tasks = _tasks(airflow, [operation for _, operation in asked])
        paused = _paused(airflow, [operation for _, operation in asked])
    except GroundworkError as error:
        return {case.project.id: RunFacts(error=error) for case, _ in asked}
    looked = [
        (
            case,
            pool.submit(_run, airflow, operation, case.steps, tasks[_run_of(operation)], logs=logs),
        )
        for case, operation in asked
    ]
    found = {case.project.id: answer.result() for case, answer in looked}
    return {
        case.project.id: replace(
            found[case.project.id],
            paused=operation.dag_id in paused and found[case.project.id].state == "queued",
        )
        for case, operation in asked
    }


def _tasks(airflow: Airflow, operations: Sequence[Operation]) -> dict[tuple[str, str], list[TaskOfRun]]:
    """The tasks that failed or have not ended, by DAG and run."""
    found: dict[tuple[str, str], list[TaskOfRun]] = defaultdict(list)
    for start in range(0, len(operations), _TOGETHER):
        part = operations[start : start + _TOGETHER]
        dags, ids = sorted({item.dag_id for item in part}), sorted({_run_of(item)[1] for item in part})
        for task in airflow.tasks_of_runs(dags, ids, (_FAILED, *_UNFINISHED)):
            found[task.dag_id, task.run_id].append(task)
    return found


def _paused(airflow: Airflow, operations: Sequence[Operation]) -> set[str]:
    dags = {item.dag_id for item in operations if item.status is OperationStatus.RUNNING}
    return {dag_id for dag_id in dags if _is_paused(airflow, dag_id)}


def _is_paused(airflow: Airflow, dag_id: str) -> bool:
    try:
        return airflow.dag(dag_id).is_paused
    except NotFound:
        return False


def _run(
    airflow: Airflow,
    operation: Operation,
    steps: Sequence[StepEntry],
    tasks: Sequence[TaskOfRun],
    *,
    logs: bool,
) -> RunFacts:
    try:
        told = tuple(_task(airflow, operation, steps, task, logs=logs) for task in tasks)
        if operation.status is not OperationStatus.RUNNING:
            return RunFacts(tasks=told)
        return RunFacts(airflow.run(*_run_of(operation)).state, tasks=told)
    except NotFound:
        return RunFacts(gone=True)
    except GroundworkError as error:
        return RunFacts(error=error)


def _task(
    airflow: Airflow, operation: Operation, steps: Sequence[StepEntry], task: TaskOfRun, *, logs: bool
) -> TaskFacts:
    scope = (task.rendered_map_index or "") if task.map_index >= 0 else ""
    step = task.task_id.rpartition(".")[2]
    entry = next((item for item in steps if (item.step, item.scope) == (step, scope)), None)
    explained = entry is not None and entry.reason not in (None, GroundworkError.reason)
    read = task.state == _FAILED and (logs or not explained)
    log = _log(airflow, operation, task) if read else ""
    return TaskFacts(step, scope, task.state or "", task.try_number, log)


def _log(airflow: Airflow, operation: Operation, task: TaskOfRun) -> str:
    try:
        end = airflow.failure(*_run_of(operation), task)
    except GroundworkError as error:
        return f"its log cannot be read: {error.message}"
    return end.error or " / ".join(line for line in end.lines if line)


def _run_of(operation: Operation) -> tuple[str, str]:
    return operation.dag_id, operation.dag_run_id
