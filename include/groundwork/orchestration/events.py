"""What Airflow is told beside the tasks: an asset event, a note on the run, word of failures.

Light, for DAG files and every Airflow process import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl
from airflow.sdk import Asset

from groundwork.settings import get_settings

if TYPE_CHECKING:
    from groundwork.model.entities import Operation

PROJECT_SYNCED = Asset(name="project_synced", uri="groundwork://project/synced")
"""Updated whenever a project has become synced; DAGs can be scheduled on it. `extra` names the operation."""

OUTCOME_TASK = "close_operation"
_DAGS = ("initialize_project", "decommission_project")
_NOTE_LENGTH = 1000  # Airflow's limit


def run_failed(context: Any) -> None:
    """Hand a failed run to the notifier that the settings name, if any."""
    notify(context)


def notify(context: Any) -> None:
    """Call the notifier that the settings name, if any; `reason` in the context says what has happened."""
    path = get_settings().failure_notifier
    if not path:
        return
    from importlib import import_module

    module, _, name = path.rpartition(".")
    getattr(import_module(module), name)(context)


class RunNotes:
    """A listener in the scheduler: writes how a run ended onto it, as `close_operation` has said.

    It touches nothing but Airflow's own row of the run, in the session that changes its state anyway.
    """

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        del msg
        _note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        del msg
        _note(dag_run)


def outcome(operation: Operation) -> str:
    """How an operation ended, in a line. Pure."""
    if operation.reason is None:
        return str(operation.status)
    return f"{operation.status}: {operation.reason}: {operation.message}"


def _note(dag_run: Any) -> None:
    if dag_run.dag_id not in _DAGS:
        return
    from airflow.models.xcom import XComModel
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    query = XComModel.get_many(
        run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=OUTCOME_TASK, key="return_value", limit=1
    )
    told = session.scalars(query).first()
    if told is not None:
        dag_run.note = str(XComModel.deserialize_value(told))[:_NOTE_LENGTH]
