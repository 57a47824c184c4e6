"""The repair of a project: the request that runs it again, through the one way in. Pure."""

from __future__ import annotations

from typing import Any

from groundwork.errors import Conflict
from groundwork.model.request import parse_request
from groundwork.model.statuses import Status
from groundwork.records.cases import Case


def request(case: Case) -> dict[str, Any]:
    """The project's last request, for the project as it is now: by its id, and for every environment it has.

    Raises `Conflict` for a project without a request or one that is being removed, and `InvalidRequest` if
    the stored request breaks a rule that was added since.
    """
    slug = case.project.slug
    if case.going or not case.request:
        raise Conflict(f"Project '{slug}' has no request to run again: it is {case.project.state.status}.")
    living = [
        environment.environment.slug
        for environment, _ in case.environments
        if environment.state.status is not Status.REMOVED
    ]
    changed = {
        "project_id": str(case.project.id),
        "environment_ids": living or case.request["environment_ids"],
        "dry_run": False,
    }
    return parse_request({**case.request, **changed}).model_dump(mode="json", exclude_none=True)


def run_id(case: Case, attempt: int) -> str:
    """The run's id: the same until an operation has begun, so that a repair asked for twice starts once.

    `attempt` counts the runs of this id that ended without beginning one.
    """
    last = case.operation.id.hex[:12] if case.operation else "first"
    return f"repair-{case.project.slug}-{last}-{attempt}"
