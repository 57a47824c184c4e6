"""What the tasks of `add_environments` call beside the steps of `initialize_project`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.operations import extension
from groundwork.operations.resolution import Run
from groundwork.orchestration.services import open_services


def accept_request(params: dict[str, Any], dag_run: Any) -> str:
    """Open the operation for this run; its id is all that travels from here."""
    run = Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
    with open_services() as services:
        return str(extension.accept(services, dict(params), run).id)


def push_overlays(operation_id: str) -> None:
    """Add the new environments' overlays to the repository."""
    with open_services() as services:
        extension.push_overlays(services, UUID(operation_id))
