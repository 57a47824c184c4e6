"""Word of a run that takes long: a deadline alert of Airflow's, told where failures are told.

The scheduler sees that the deadline has passed, and the triggerer calls `run_is_late`. It counts from a
reference of our own, which the plugin registers: in Airflow 3.3.2, clearing a task of a run whose deadline
counts from `DAGRUN_QUEUED_AT` fails, because `_recalculate_dagrun_queued_at_deadlines`, in Airflow's
models/taskinstance.py, takes the stored interval for a number. Source: Airflow docs, "Deadline Alerts".

Light, for DAG files and the plugin import it.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from groundwork.errors import GroundworkError
from groundwork.model.statuses import OperationStatus
from groundwork.orchestration.events import notify
from groundwork.settings import get_settings

if TYPE_CHECKING:
    from groundwork.model.entities import Operation, StepEntry

_UNFINISHED = ("queued", "running")
_log = logging.getLogger(__name__)


class RunCreated(BaseDeadlineReference):
    """The moment at which a run is created; clearing its tasks afterwards does not move it."""

    def _evaluate_with(self, *, session: Any, **_: Any) -> datetime:
        del session
        return datetime.now(UTC)


def run_deadline() -> DeadlineAlert:
    """The alert of a DAG whose runs hold one project."""
    return DeadlineAlert(
        name="run_deadline",
        reference=RunCreated(),
        interval=timedelta(seconds=get_settings().run_deadline),
        callback=AsyncCallback(run_is_late),
    )


async def run_is_late(context: dict[str, Any]) -> None:
    """Log and hand on which run has not ended in time, what holds it up, and what to do.

    `context` is Airflow's of a missed deadline: `dag_run` as its REST API shows it, and `deadline`. The
    notifier gets it with `run_id`, and with the text as `reason`. A run that has failed was told already.
    """
    run = context["dag_run"]
    if run["state"] not in _UNFINISHED:
        _log.info("Run %s of %s is %s, which was told before", run["dag_run_id"], run["dag_id"], run["state"])
        return
    # The records and the notifier block, and other triggers share this loop.
    await asyncio.to_thread(_tell, context, run["dag_id"], run["dag_run_id"])


def late(
    dag_id: str, run_id: str, after: timedelta, project: str, operation: Operation, steps: list[StepEntry]
) -> str:
    """What is told of a late run; `project` is a slug. Pure."""
    unfinished = [_begun(entry) for entry in steps if entry.status is OperationStatus.RUNNING]
    return (
        f"{_unended(dag_id, run_id, after)} It works on project '{project}', as operation {operation.id}"
        f" ({operation.kind}). Unfinished steps: {'; '.join(unfinished) or 'none, the next has not begun'}."
        f" Look at the run's tasks in Airflow; `groundwork diagnose {project}` says what it waits for."
        " It goes on meanwhile."
    )


def unaccepted(dag_id: str, run_id: str, after: timedelta) -> str:
    """What is told of a late run that no operation was opened for. Pure."""
    return (
        f"{_unended(dag_id, run_id, after)} It has opened no operation yet, so it has changed no project."
        " Look whether the DAG is paused, whether Airflow's scheduler runs and has slots free, and at the log"
        " of the task accept_request."
    )


def _unended(dag_id: str, run_id: str, after: timedelta) -> str:
    return f"The run {run_id} of {dag_id} has not ended after {after.total_seconds() / 60:.0f} min."


def _begun(entry: StepEntry) -> str:
    whose = f" of {entry.scope}" if entry.scope else ""
    return f"{entry.step}{whose}, since {entry.started_at:%Y-%m-%d %H:%M:%S %Z}"


def _tell(context: dict[str, Any], dag_id: str, run_id: str) -> None:
    text = _explained(dag_id, run_id)
    _log.warning("%s", text)
    notify({**context, "run_id": run_id, "reason": text})


def _explained(dag_id: str, run_id: str) -> str:
    from groundwork.orchestration import connections
    from groundwork.records import Records

    settings = get_settings()
    after = timedelta(seconds=settings.run_deadline)
    try:
        with Records(connections.database_url(settings.database_connection)) as records:
            operation = records.overview.operation_of_run(dag_id, run_id)
            found = records.overview.operation(operation.id) if operation else None
            project = records.projects.find(str(operation.project_id)) if operation else None
    except GroundworkError as error:
        # Word of a late run must not fail with what may well have made it late.
        return f"{_unended(dag_id, run_id, after)} What it works on is not known: {error.message}"
    if found is None or project is None:
        return unaccepted(dag_id, run_id, after)
    return late(dag_id, run_id, after, project.slug, *found)
