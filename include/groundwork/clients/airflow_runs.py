"""Starting a DAG run once and only once, over Airflow's REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from groundwork.clients.airflow import Airflow, Run
from groundwork.errors import Conflict, Misconfigured, NotFound, Rejected, Unavailable


def new_run_id(slug: str) -> str:
    """An id for a run that nobody else has, and that says whose it is."""
    return f"request-{slug}-{uuid4().hex[:12]}"


def start(airflow: Airflow, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Run:
    """Trigger the run, or find it when the same has already been started under `run_id`.

    Raises `Conflict` if `run_id` belongs to a run with another conf, `Misconfigured` while the DAG is paused
    or where there is none, and `Rejected` while its file cannot be imported.
    """
    try:
        dag = airflow.dag(dag_id)
    except NotFound as error:
        raise Misconfigured(error.message) from error
    if dag.has_import_errors:
        why = airflow.import_error(dag_id) or "see Airflow's import errors"
        raise Rejected(f"Airflow cannot import the DAG {dag_id} as it is now: {why}")
    if dag.is_paused:
        raise Misconfigured(
            f"The DAG {dag_id} is paused, so the run would not begin: unpause it in Airflow's UI."
        )
    try:
        return airflow.trigger(dag_id, run_id, conf)
    except Conflict:
        return _own(airflow.run(dag_id, run_id), conf)
    except Unavailable:
        # The run may have begun although no answer came.
        try:
            return _own(airflow.run(dag_id, run_id), conf)
        except NotFound:
            pass
        raise


def _own(run: Run, conf: Mapping[str, Any]) -> Run:
    if run.conf != dict(conf):
        raise Conflict(
            f"Run {run.run_id} was started with another request: choose another"
            " id for this one (--run-id, Idempotency-Key)."
        )
    return run
