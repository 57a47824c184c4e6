"""Where things of a project can be looked at: in GitLab and in Airflow. Pure."""

from __future__ import annotations

from urllib.parse import quote

from groundwork.model.entities import Operation, OperationKind, StepEntry
from groundwork.resources.kustomization import overlay_path

_ENVIRONMENT_GROUP = "environment"
_MAPPED_ALONE = ("suspend_flux",)
_RECORDING = ("record_resources", "record_removal")
_WHOLE_TASKS = {OperationKind.REPAIR: "repair", OperationKind.ROTATE: "rotate_project"}


def commit(repository_url: str | None, revision: str | None) -> str | None:
    """A commit's page in GitLab."""
    return f"{repository_url}/-/commit/{quote(revision, safe='')}" if repository_url and revision else None


def manifests(repository_url: str | None, revision: str | None, environment: str) -> str | None:
    """The folder that Flux applies to an environment, at a commit."""
    if not (repository_url and revision):
        return None
    folder = quote(overlay_path(environment).removeprefix("./"))
    return f"{repository_url}/-/tree/{quote(revision, safe='')}/{folder}"


def task(run_page: str, operation: Operation, entry: StepEntry, steps: list[StepEntry]) -> str:
    """The task of a step in Airflow: of one environment, the mapped one.

    A repair and a rotation are one mapped task as a whole, whose number the records do not know.
    """
    whole = _WHOLE_TASKS.get(operation.kind)
    if whole is not None:
        return f"{run_page}/tasks/{whole}/mapped"
    if not entry.scope:
        return f"{run_page}/tasks/{quote(entry.step, safe='')}"
    task_id = entry.step if entry.step in _MAPPED_ALONE else f"{_ENVIRONMENT_GROUP}.{entry.step}"
    page = f"{run_page}/tasks/{quote(task_id, safe='')}/mapped"
    index = _environments(steps).get(entry.scope)
    return page if index is None else f"{page}/{index}"


def _environments(steps: list[StepEntry]) -> dict[str, int]:
    """The place of each environment among those the run was mapped over."""
    recorded = next((entry.result for entry in steps if entry.step in _RECORDING), None) or {}
    return {slug: index for index, slug in enumerate(recorded.get("environments", ()))}
