"""Where things of a project can be looked at: in GitLab and in Airflow. Pure."""

from __future__ import annotations

from urllib.parse import quote

from groundwork.model.entities import StepEntry
from groundwork.resources.kustomization import overlay_path

_ENVIRONMENT_GROUP = "environment"


def commit(repository_url: str | None, revision: str | None) -> str | None:
    """A commit's page in GitLab."""
    return f"{repository_url}/-/commit/{quote(revision, safe='')}" if repository_url and revision else None


def manifests(repository_url: str | None, revision: str | None, environment: str) -> str | None:
    """The folder that Flux applies to an environment, at a commit."""
    if not (repository_url and revision):
        return None
    folder = quote(overlay_path(environment).removeprefix("./"))
    return f"{repository_url}/-/tree/{quote(revision, safe='')}/{folder}"


def task(run_page: str, entry: StepEntry, steps: list[StepEntry]) -> str:
    """The task of a step in Airflow: of one environment, the mapped one of its group."""
    if not entry.scope:
        return f"{run_page}/tasks/{quote(entry.step, safe='')}"
    task_id = quote(f"{_ENVIRONMENT_GROUP}.{entry.step}", safe="")
    index = _environments(steps).get(entry.scope)
    return f"{run_page}/tasks/{task_id}" + (f"/mapped/{index}" if index is not None else "")


def _environments(steps: list[StepEntry]) -> dict[str, int]:
    """The place of each environment among those the run was mapped over."""
    recorded = next((entry.result for entry in steps if entry.step == "record_resources"), None) or {}
    return {slug: index for index, slug in enumerate(recorded.get("environments", ()))}
