"""What the tasks of `initialize_project` call: services opened, ids parsed, the operation's step run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NoReturn
from uuid import UUID

from airflow.sdk.exceptions import AirflowSkipException

from groundwork.errors import PreflightFailed
from groundwork.operations import (
    accept,
    closing,
    environment_steps,
    failure,
    plan,
    plan_report,
    preflight,
    project_steps,
    sync,
)
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.orchestration.notes import outcome
from groundwork.orchestration.services import open_services

_log = logging.getLogger(__name__)

PROJECT_STEPS: dict[str, Callable[[Services, UUID], None]] = {
    "preflight": preflight.preflight,
    "create_repository": project_steps.create_repository,
    "push_template": project_steps.push_template,
    "mark_project_synced": project_steps.mark_project_synced,
    "apply_failure_policy": failure.apply_failure_policy,
}
ENVIRONMENT_STEPS: dict[str, Callable[[Services, UUID, str], None]] = {
    "create_namespace": environment_steps.create_namespace,
    "create_credentials": environment_steps.create_credentials,
    "create_git_repository": environment_steps.create_git_repository,
    "create_kustomization": environment_steps.create_kustomization,
    "mark_environment_synced": sync.mark_environment_synced,
}


def accept_request(params: dict[str, Any], dag_run: Any) -> str:
    """Open the operation for this run; its id is all that travels from here.

    A dry run prints the plan and ends here: the other tasks are skipped. Raises `PreflightFailed` when
    something stands in the plan's way.
    """
    run = Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
    with open_services() as services:
        if params.get("dry_run"):
            _print_plan(plan.plan(services, dict(params), run))
        return str(accept.accept(services, dict(params), run).id)


def record_resources(operation_id: str) -> list[str]:
    """The slugs of the project's environments, which the rest of the run is mapped over."""
    with open_services() as services:
        return project_steps.record_resources(services, UUID(operation_id))


def run_project_step(name: str, operation_id: str) -> None:
    """Run one step that concerns the project as a whole."""
    with open_services() as services:
        PROJECT_STEPS[name](services, UUID(operation_id))


def run_environment_step(name: str, operation_id: str, environment: str) -> None:
    """Run one step of one environment, named by its slug."""
    with open_services() as services:
        ENVIRONMENT_STEPS[name](services, UUID(operation_id), environment)


def _print_plan(planned: plan.Plan) -> NoReturn:
    _log.info("%s", plan_report.as_text(planned))
    if planned.problems:
        raise PreflightFailed(list(planned.problems))
    raise AirflowSkipException("This was a dry run: nothing was made.")


def close_operation(operation_id: str) -> str:
    """End the operation by what is recorded; says how it ended, for the note on the run."""
    with open_services() as services:
        return outcome(closing.close_operation(services, UUID(operation_id)))
