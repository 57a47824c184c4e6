"""Runs of `initialize_project`: start one, once and only once, and follow it until it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from rich.console import Console

from groundwork.cli.connect import INITIALIZE_PROJECT
from groundwork.cli.display import display
from groundwork.cli.progress import Progress, progress
from groundwork.clients.airflow import Airflow, Run
from groundwork.errors import Conflict, Misconfigured, NotFound, Rejected, TemporaryError, Unavailable

_LOOK_SECONDS = 1.0
_OUT_OF_SIGHT_SECONDS = 60.0


def start(airflow: Airflow, request: dict[str, Any], run_id: str | None = None) -> Run:
    """Trigger the run, or find it when this request has already been started under `run_id`.

    Raises `Conflict` if `run_id` belongs to another request, `Misconfigured` while the DAG is paused.
    """
    dag = airflow.dag(INITIALIZE_PROJECT)
    if dag.has_import_errors:
        why = airflow.import_error(INITIALIZE_PROJECT) or "see Airflow's import errors"
        raise Rejected(f"Airflow cannot import the DAG {INITIALIZE_PROJECT} as it is now: {why}")
    if dag.is_paused:
        raise Misconfigured(
            f"The DAG {INITIALIZE_PROJECT} is paused, so the run would not begin: unpause it in Airflow's UI."
        )
    wanted = run_id or f"request-{request['slug']}-{uuid4().hex[:12]}"
    try:
        return airflow.trigger(INITIALIZE_PROJECT, wanted, request)
    except Conflict:
        return _own(airflow.run(INITIALIZE_PROJECT, wanted), request)
    except Unavailable:
        # The run may have begun although no answer came.
        try:
            return _own(airflow.run(INITIALIZE_PROJECT, wanted), request)
        except NotFound:
            pass
        raise


def follow(airflow: Airflow, run: Run, environments: Sequence[str], console: Console) -> Progress:
    """Show the run's progress until it has ended.

    Raises `Unavailable` when Airflow has not answered for a minute.
    """
    task_ids = airflow.task_ids(run.dag_id)
    shown = display(console, len(environments))
    last_seen = time.monotonic()
    with shown.shown():
        while True:
            try:
                run = airflow.run(run.dag_id, run.run_id)
                tasks = airflow.task_instances(run.dag_id, run.run_id)
            except TemporaryError:
                if time.monotonic() - last_seen > _OUT_OF_SIGHT_SECONDS:
                    raise
            else:
                last_seen = time.monotonic()
                seen = progress(run, task_ids, tasks, environments)
                shown.show(seen)
                if run.ended:
                    return seen
            time.sleep(_LOOK_SECONDS)


def _own(run: Run, request: dict[str, Any]) -> Run:
    if run.conf != request:
        raise Conflict(f"Run {run.run_id} was started with another request: choose another --run-id.")
    return run
