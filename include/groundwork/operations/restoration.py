"""Taking a removed project back: the request with which `initialize_project` makes it run again.

There is one way in, so what was asked for last is asked for again, for the same project. The repository is
taken out of the archive or back from deletion on that way; once GitLab has deleted it, nothing brings it
back.
"""

from __future__ import annotations

from typing import Any

from groundwork.errors import InvalidRequest, NotFound, Problem
from groundwork.model.entities import OperationKind, Project
from groundwork.model.lifecycle import RestoreRequest
from groundwork.model.request import FailurePolicy, PendingDeletion, ProjectRequest, parse
from groundwork.model.statuses import Status
from groundwork.operations.project_steps import request_of
from groundwork.operations.resolution import Run
from groundwork.operations.retirement import find_repository
from groundwork.operations.services import Services
from groundwork.operations.subject import environments_named, refusals_audited, subject_of

_HISTORY = 1000


def restoration(services: Services, values: dict[str, Any], run: Run) -> dict[str, Any]:
    """The request that takes the project back; writes nothing.

    The environments that are there stay, those named (all by default) come back. Raises `InvalidRequest` with
    every problem, and `NotFound` if the repository is gone for good.
    """
    with refusals_audited(services, run, values):
        request = parse(RestoreRequest, values)
        subject = subject_of(services, request.project_id, request.user_id)
        project = subject.project
        wanted = {item.id for item in environments_named(services, project, request.environment_ids)}
        environments = [
            item.environment.slug
            for item in services.records.resources.environments_of(project.id)
            if item.id in wanted or item.state.status is not Status.REMOVED
        ]
        asked = last_request(services, project)
        _require_repository(services, project)
        repository = asked.repository.model_copy(update={"on_pending_deletion": PendingDeletion.RESTORE})
        changes = {
            "project_id": project.id,
            "user_id": subject.user.username,
            "environment_ids": environments,
            "repository": repository,
            "on_failure": FailurePolicy.KEEP,
            "dry_run": False,
        }
        return asked.model_copy(update=changes).model_dump(mode="json")


def last_request(services: Services, project: Project) -> ProjectRequest:
    """What `initialize_project` was last asked for. Raises `InvalidRequest` if it never was."""
    operations = services.records.operations.list(project.id, limit=_HISTORY)
    asked = (item for item in operations if item.kind is OperationKind.INITIALIZE)
    last = next(asked, None)
    if last is None:
        rule = f"'{project.slug}' was never asked for by initialize_project"
        raise InvalidRequest([Problem("project_id", rule)])
    return request_of(last)


def _require_repository(services: Services, project: Project) -> None:
    found, recorded = find_repository(services, project)
    if found is not None or recorded is None:
        return
    raise NotFound(
        f"Repository {recorded.path} of project '{project.slug}' is gone for good, so the project cannot be"
        f" restored. Run initialize_project with project_id {project.id} to begin anew from the template; a"
        " backup's bundle can be pushed there afterwards."
    )
