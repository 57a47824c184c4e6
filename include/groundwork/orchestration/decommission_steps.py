"""What the tasks of `decommission_project` call: services opened, ids parsed, the operation's step run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from groundwork.operations import backup, decommission, decommission_steps, retirement
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.orchestration.notes import outcome
from groundwork.orchestration.services import open_services

PROJECT_STEPS: dict[str, Callable[[Services, UUID], None]] = {
    "check": decommission.check,
    "freeze_repository": retirement.freeze_repository,
    "back_up": backup.back_up,
    "retire_repository": retirement.retire_repository,
    "mark_removed": decommission.mark_removed,
}
ENVIRONMENT_STEPS: dict[str, Callable[[Services, UUID, str], None]] = {
    "suspend_flux": decommission_steps.suspend_flux,
    "remove_kustomization": decommission_steps.remove_kustomization,
    "remove_source": decommission_steps.remove_source,
    "remove_credentials": decommission_steps.remove_credentials,
    "remove_namespace": decommission_steps.remove_namespace,
}


def accept_request(params: dict[str, Any], dag_run: Any) -> str:
    """Open the operation for this run; its id is all that travels from here."""
    run = Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
    with open_services() as services:
        return str(decommission.accept(services, dict(params), run).id)


def record_removal(operation_id: str) -> list[str]:
    """The slugs of the environments to remove, which the rest of the run is mapped over."""
    with open_services() as services:
        return decommission.record_removal(services, UUID(operation_id))


def run_project_step(name: str, operation_id: str) -> None:
    """Run one step that concerns the project as a whole."""
    with open_services() as services:
        PROJECT_STEPS[name](services, UUID(operation_id))


def run_environment_step(name: str, operation_id: str, environment: str) -> None:
    """Run one step of one environment, named by its slug."""
    with open_services() as services:
        ENVIRONMENT_STEPS[name](services, UUID(operation_id), environment)


def close_operation(operation_id: str) -> str:
    """End the operation by what is recorded; says how it ended, for the note on the run."""
    with open_services() as services:
        return outcome(decommission.close(services, UUID(operation_id)))
