"""How a run of one of Groundwork's DAGs ended, as a note on it.

Tasks leave how it went, and a listener in the scheduler writes that onto the run. It touches nothing but
Airflow's own rows, in the session that changes the run's state anyway. Light, for every Airflow process loads
the plugin. Source: Airflow docs, "Listeners".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from groundwork.errors import GroundworkError, WaitingError
from groundwork.model.lifecycle import RESTORE_RUN

if TYPE_CHECKING:
    from groundwork.model.entities import Operation

FAILURE = "groundwork_failure"
"""Key of the XCom that says why a task failed."""

_OUTCOME_TASKS = {
    "initialize_project": "close_operation",
    "add_environments": "close_operation",
    "decommission_project": "close_operation",
    "restore_project": "close_operation",
    "reconcile_projects": "finish",
    "rotate_credentials": "rotate_project",
}
"""The tasks whose result says how a run ended; for `restore_project` it is one of the run it starts."""

_RESULT = "return_value"
_NOTE_LENGTH = 1000  # Airflow's limit
_NOTHING = {"rotate_credentials": "no deploy token was due"}


@dataclass(frozen=True)
class Told:
    """What a task left: its result where it succeeded, or why it failed."""

    task_id: str
    text: str
    failed: bool


class RunNotes:
    """The listener."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        del msg
        _note(dag_run, _NOTHING.get(dag_run.dag_id))

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        _note(dag_run, f"failed: {msg}")


def leave_failure(task_instance: Any, error: GroundworkError) -> None:
    """Keep why a task failed beside its results; of one that only waits there is nothing to tell."""
    if isinstance(error, WaitingError):
        return
    which = task_instance.rendered_map_index or task_instance.task_id
    task_instance.xcom_push(key=FAILURE, value=f"{which}: {error.reason}: {error.message}")


def outcome(operation: Operation) -> str:
    """How an operation ended, in a line. Pure."""
    if operation.reason is None:
        return str(operation.status)
    return f"{operation.status}: {operation.reason}: {operation.message}"


def counted(counts: dict[str, int]) -> str:
    """How a reconcile pass ended, from its findings by state. Pure."""
    found = ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in sorted(counts.items()))
    return f"complete; findings: {found or 'none'}"


def composed(told: Sequence[Told], outcome_task: str) -> str:
    """The note, from what tasks left; empty where they left nothing. Pure.

    The failures of other tasks count only where the outcome was never told, such as of a refused request.
    """
    outcomes = [item.text for item in told if item.task_id == outcome_task]
    text = "\n".join(outcomes or [item.text for item in told if item.failed])
    return text if len(text) <= _NOTE_LENGTH else f"{text[: _NOTE_LENGTH - 1]}…"


def _note(dag_run: Any, otherwise: str | None) -> None:
    if dag_run.dag_id not in _OUTCOME_TASKS:
        return
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    written = dag_run.dag_run_note
    if session is None or (written is not None and written.user_id is not None):
        return  # A person's own note stays.
    task = _OUTCOME_TASKS[dag_run.dag_id]
    told = _left(session, dag_run.dag_id, dag_run.run_id)
    if dag_run.dag_id == "restore_project" and not told:
        told = _left(session, "initialize_project", f"{RESTORE_RUN}{dag_run.run_id}")
    note = composed(told, task) or otherwise
    if note is not None:
        dag_run.note = note


def _left(session: Any, dag_id: str, run_id: str) -> list[Told]:
    """What the tasks of a run left in their last try; what remains of one before is not looked at."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    states = select(TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id
    )
    ended = {(task_id, index): state for task_id, index, state in session.execute(states)}
    kept = select(XComModel).where(
        XComModel.dag_id == dag_id,
        XComModel.run_id == run_id,
        (XComModel.key == FAILURE)
        | (XComModel.key == _RESULT) & (XComModel.task_id == _OUTCOME_TASKS[dag_id]),
    )
    return [
        Told(item.task_id, str(XComModel.deserialize_value(item)), item.key == FAILURE)
        for item in session.scalars(kept.order_by(XComModel.task_id, XComModel.map_index))
        if ended.get((item.task_id, item.map_index)) == ("failed" if item.key == FAILURE else "success")
    ]
