"""Changes: each becomes a DAG run that is started in the caller's own name. Nothing is done here.

There is one way in, the DAGs; the API checks what can be known at once, so that a bad request is told in the
answer and not by a failed run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundwork.clients import airflow_runs
from groundwork.clients.airflow import Airflow, Run
from groundwork.errors import Conflict, InvalidRequest, NotFound, Problem
from groundwork.model.entities import Operation
from groundwork.model.request import ProjectRequest, parse_request
from groundwork.model.statuses import OperationStatus
from groundwork.operations.plan import Plan
from groundwork.operations.plan import plan as plan_of
from groundwork.operations.resolution import Run as PlannedRun
from groundwork.operations.resolution import resolve
from groundwork.records.overview import Whole
from groundwork.web import requests
from groundwork.web.access import ADD_ENVIRONMENTS, DECOMMISSION, INITIALIZE, RECONCILE, RESTORE
from groundwork.web.context import Context


@dataclass(frozen=True)
class Started:
    """The run of a change; `again` when it had been started before under the same key."""

    run: Run
    again: bool


def create(context: Context, body: requests.NewProject, key: str | None) -> Started:
    """Start the run that makes a project.

    Raises `InvalidRequest` with every problem, `Conflict` when the key was used for another request.
    """
    request = checked(context, body).model_dump(mode="json")
    values = {name: value for name, value in request.items() if value is not None}
    return _start(context, INITIALIZE, values, key, body.slug)


def checked(context: Context, body: requests.NewProject) -> ProjectRequest:
    """The request with its user filled in, after every rule that can be checked without the run."""
    with context.services() as services:
        user = requests.requester(services.records, context.caller, body.user_id)
        request = parse_request({**body.model_dump(mode="json"), "user_id": user})
        resolve(services, request)
    return request


def plan(context: Context, body: requests.NewProject) -> Plan:
    """What a request would do, without doing it. Raises as `create`."""
    with context.services() as services:
        user = requests.requester(services.records, context.caller, body.user_id)
        values = {**body.model_dump(mode="json"), "user_id": user}
        run = PlannedRun(INITIALIZE, airflow_runs.new_run_id(body.slug), context.caller.name)
        return plan_of(services, values, run)


def retry(context: Context, whole: Whole) -> Run:
    """Run the failed tasks of what was last asked for the project again.

    Where Airflow has forgotten the run, the project is run again as it was requested. Raises `Conflict` when
    there is nothing to retry.
    """
    last = _last(whole)
    with context.airflow() as airflow:
        try:
            return airflow_runs.run_failed_again(airflow, last.dag_id, last.run_id)
        except NotFound:
            if last.dag_id != INITIALIZE:
                raise
            return _run_again(airflow, whole, last)


def reconcile(context: Context, whole: Whole, key: str | None) -> Started:
    """Start a pass over this one project."""
    conf = {"project": whole.project.slug, "organization": None, "environment": None}
    return _start(context, RECONCILE, conf, key, whole.project.slug)


def decommission(context: Context, whole: Whole, body: requests.Decommission, key: str | None) -> Started:
    """Start the run that removes a project or some of its environments.

    Raises `InvalidRequest` for environments it does not have.
    """
    _require_own(whole, body.environment_ids)
    return _start(context, DECOMMISSION, _conf(context, whole, body), key, whole.project.slug)


def restore(context: Context, whole: Whole, body: requests.Restore, key: str | None) -> Started:
    """Start the run that takes a decommissioning back. Raises as `decommission`."""
    _require_own(whole, body.environment_ids)
    return _start(context, RESTORE, _conf(context, whole, body), key, whole.project.slug)


def add_environments(
    context: Context, whole: Whole, body: requests.AddEnvironments, key: str | None
) -> Started:
    """Start the run that adds environments to a project. Raises `InvalidRequest` for unknown ones."""
    with context.records() as records:
        try:
            records.directory.environments(whole.organization.id, body.environment_ids)
        except NotFound as error:
            raise InvalidRequest([Problem("environment_ids", error.message)]) from error
    return _start(context, ADD_ENVIRONMENTS, _conf(context, whole, body), key, whole.project.slug)


def _conf(context: Context, whole: Whole, body: requests.OfProject) -> dict[str, Any]:
    with context.records() as records:
        user = requests.requester(records, context.caller, body.user_id)
    given = {name: value for name, value in body.model_dump(mode="json").items() if value is not None}
    return {**given, "project_id": str(whole.project.id), "user_id": user}


def _require_own(whole: Whole, references: Sequence[str]) -> None:
    own = {item.environment.slug for item, _ in whole.environments}
    own |= {str(item.environment.id) for item, _ in whole.environments}
    unknown = [reference for reference in references if reference not in own]
    if unknown:
        rule = f"'{unknown[0]}' is not an environment of this project"
        raise InvalidRequest([Problem("environment_ids", rule)])


def _start(context: Context, dag_id: str, conf: dict[str, Any], key: str | None, slug: str) -> Started:
    run_id = requests.run_id(context.caller, dag_id, key, slug)
    with context.airflow() as airflow:
        again = key is not None and _exists(airflow, dag_id, run_id)
        return Started(airflow_runs.start(airflow, dag_id, run_id, conf), again)


def _exists(airflow: Airflow, dag_id: str, run_id: str) -> bool:
    try:
        airflow.run(dag_id, run_id)
    except NotFound:
        return False
    return True


def _last(whole: Whole) -> Operation:
    last = whole.requested
    if last is None or last.status is not OperationStatus.FAILED:
        stands = f"is {last.status}" if last else "was never begun"
        raise Conflict(f"There is nothing to retry: what was last asked for '{whole.project.slug}' {stands}.")
    return last


def _run_again(airflow: Airflow, whole: Whole, last: Operation) -> Run:
    conf = {**last.request, "project_id": str(whole.project.id)}
    run_id = airflow_runs.new_run_id(whole.project.slug)
    return airflow_runs.start(airflow, last.dag_id, run_id, conf)
