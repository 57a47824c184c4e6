"""Starting a DAG run once and only once, over Airflow's REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def run_failed_again(airflow: Airflow, dag_id: str, run_id: str) -> Run:
    """Clear a run's failed tasks, those they kept from running, and the closing ones that ran all the same.

    What succeeded stays as it is, copies of the same task for other environments included. Raises `NotFound`,
    and `Conflict` when no task has failed.
    """
    instances = airflow.task_instances(dag_id, run_id)
    failed = [task for task in instances if task.state in ("failed", "upstream_failed")]
    if not failed:
        raise Conflict(f"No task of run {run_id} has failed.")
    below = _below(airflow.downstream(dag_id), {task.task_id for task in failed})
    closing = [task for task in instances if task.task_id in below and task.map_index < 0]
    airflow.clear(dag_id, run_id, [*failed, *(task for task in closing if task not in failed)])
    return airflow.run(dag_id, run_id)


def _below(downstream: Mapping[str, Sequence[str]], task_ids: set[str]) -> set[str]:
    """All tasks that come somewhere after these. Pure."""
    found: set[str] = set()
    ahead = list(task_ids)
    while ahead:
        new = set(downstream.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


def _own(run: Run, conf: Mapping[str, Any]) -> Run:
    if run.conf != dict(conf):
        raise Conflict(
            f"Run {run.run_id} was started with another request: choose another"
            " id for this one (--run-id, Idempotency-Key)."
        )
    return run
