"""How far a run has come: its steps, environment by environment, from Airflow's task instances. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from groundwork.clients.airflow import Run, TaskInstance


class State(StrEnum):
    """How a step stands, in words for a person."""

    UNKNOWN = ""
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    SKIPPED = "skipped"


_STATES = {
    "scheduled": State.QUEUED,
    "queued": State.QUEUED,
    "running": State.RUNNING,
    "restarting": State.RUNNING,
    "deferred": State.WAITING,
    "up_for_reschedule": State.WAITING,
    "up_for_retry": State.RETRYING,
    "success": State.DONE,
    "failed": State.FAILED,
    "upstream_failed": State.NOT_REACHED,
    "skipped": State.SKIPPED,
    "removed": State.SKIPPED,
}
_TOLD = (State.WAITING, State.RETRYING, State.DONE, State.FAILED, State.SKIPPED)


@dataclass(frozen=True)
class Cell:
    """One step, of one environment or (None) of the project as a whole."""

    step: str
    environment: str | None
    state: State
    task: TaskInstance

    @property
    def key(self) -> tuple[str, int]:
        """What stays the same while the run goes on, also when the environment gets its name."""
        return self.task.task_id, self.task.map_index

    def seconds(self, now: datetime) -> float | None:
        """How long it took, or has been going on."""
        if self.state in (State.RUNNING, State.WAITING) and self.task.start_date:
            return (now - self.task.start_date).total_seconds()
        return self.task.duration if self.state in (State.DONE, State.FAILED) else None


@dataclass(frozen=True)
class Progress:
    """A run at one moment. `steps` is in the order they run."""

    run: Run
    steps: tuple[str, ...]
    environments: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def failed(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.state is State.FAILED]

    def cell(self, step: str, environment: str | None) -> Cell | None:
        return next((c for c in self.cells if (c.step, c.environment) == (step, environment)), None)

    def elapsed(self, now: datetime) -> float:
        """Seconds since the run was triggered, until its end."""
        since = self.run.queued_at or now
        until = self.run.end_date if self.run.ended and self.run.end_date else now
        return max(0.0, (until - since).total_seconds())

    def seconds_until(self, step: str) -> float | None:
        """Seconds from the trigger until `step` of the project was done."""
        cell = self.cell(step, None)
        if cell is None or cell.state is not State.DONE or not (cell.task.end_date and self.run.queued_at):
            return None
        return (cell.task.end_date - self.run.queued_at).total_seconds()


def progress(
    run: Run, task_ids: Sequence[str], tasks: Sequence[TaskInstance], environments: Sequence[str]
) -> Progress:
    """Put the tasks of a run in order.

    `environments` are the request's references, which name the columns until Airflow does; tasks of a group
    (`environment.create_namespace`) belong to one environment each, once they are mapped.
    """
    named = {
        task.map_index: task.rendered_map_index
        for task in tasks
        if task.rendered_map_index not in (None, str(task.map_index))
    }
    labels = tuple(named.get(index) or reference for index, reference in enumerate(environments))
    order = {task_id: index for index, task_id in enumerate(task_ids)}
    cells = [
        Cell(_step(task), _label(task, labels), _STATES.get(task.state or "", State.UNKNOWN), task)
        for task in sorted(tasks, key=lambda task: (order.get(task.task_id, len(order)), task.map_index))
        if task.map_index >= 0 or "." not in task.task_id
    ]
    return Progress(run, tuple(task_id.rpartition(".")[2] for task_id in task_ids), labels, tuple(cells))


def changes(before: Progress | None, after: Progress) -> list[Cell]:
    """The steps that came into a state worth telling since `before`."""
    known = {cell.key: cell.state for cell in before.cells} if before else {}
    return [cell for cell in after.cells if cell.state in _TOLD and known.get(cell.key) is not cell.state]


def _step(task: TaskInstance) -> str:
    return task.task_id.rpartition(".")[2]


def _label(task: TaskInstance, labels: Sequence[str]) -> str | None:
    if task.map_index < 0:
        return None
    return labels[task.map_index] if task.map_index < len(labels) else str(task.map_index)
