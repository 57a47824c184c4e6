"""What `restore_project` calls."""

from __future__ import annotations

from typing import Any

from groundwork.operations.resolution import Run
from groundwork.operations.restoration import restoration
from groundwork.orchestration.services import open_services


def accept_request(params: dict[str, Any], dag_run: Any) -> dict[str, Any]:
    """The request for `initialize_project`; like every request it holds no secret."""
    run = Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
    with open_services() as services:
        return restoration(services, dict(params), run)
