"""Runs of `initialize_project`: start one, once and only once, and follow it until it ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from groundwork.cli.connect import INITIALIZE_PROJECT
from groundwork.cli.display import display
from groundwork.cli.progress import Progress, progress
from groundwork.clients import airflow_runs
from groundwork.clients.airflow import Airflow, Run
from groundwork.errors import TemporaryError

_LOOK_SECONDS = 1.0
_OUT_OF_SIGHT_SECONDS = 60.0


def start(airflow: Airflow, request: dict[str, Any], run_id: str | None = None) -> Run:
    """Trigger the run of a request. Raises as `airflow_runs.start`."""
    wanted = run_id or airflow_runs.new_run_id(request["slug"])
    return airflow_runs.start(airflow, INITIALIZE_PROJECT, wanted, request)


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
