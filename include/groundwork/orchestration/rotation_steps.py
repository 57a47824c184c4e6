"""What the tasks of `rotate_credentials` call."""

from __future__ import annotations

from typing import Any

from groundwork.operations import rotation
from groundwork.operations.resolution import Run
from groundwork.orchestration.notes import outcome
from groundwork.orchestration.services import open_services


def find_due(params: dict[str, Any]) -> list[str]:
    """The slugs of the projects to renew tokens of, which the rest of the run is mapped over."""
    with open_services() as services:
        return rotation.find_due(services, dict(params))


def rotate_project(project: str, params: dict[str, Any], dag_run: Any) -> str:
    """Renew one project's tokens; all of them now if the request names it.

    Says how that ended, for the note on the run.
    """
    run = Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
    with open_services() as services:
        now = params.get("project_id") is not None
        return f"{project}: {outcome(rotation.rotate(services, project, run, now=now))}"
