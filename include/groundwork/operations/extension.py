"""Adding environments to a project that exists: the steps of `initialize_project`, for these alone.

The operation is opened with what was last asked for, changed to the new environments; so its steps are the
same but for the content, which is added to what the repository holds by now.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.errors import InvalidRequest, PermanentError, Problem
from groundwork.model.entities import Operation, OperationKind
from groundwork.model.lifecycle import AddEnvironmentsRequest
from groundwork.model.request import FailurePolicy, ProjectRequest, parse
from groundwork.model.statuses import Status
from groundwork.operations.ledger import step
from groundwork.operations.project_steps import after_push, content_of, gitlab_id, request_of
from groundwork.operations.resolution import Run, resolve
from groundwork.operations.restoration import last_request
from groundwork.operations.services import Services
from groundwork.operations.subject import Subject, refusals_audited, run_spec, subject_of
from groundwork.resources import overlays


def accept(services: Services, values: dict[str, Any], run: Run) -> Operation:
    """Check the request, open the operation and take the project's lease.

    The same run again gets the same operation. Raises `InvalidRequest` with every problem, or `ProjectBusy`.
    """
    with refusals_audited(services, run, values):
        request = parse(AddEnvironmentsRequest, values)
        subject = subject_of(services, request.project_id, request.user_id)
        if subject.project.state.status is Status.REMOVED:
            rule = f"'{subject.project.slug}' is removed: restore it first"
            raise InvalidRequest([Problem("project_id", rule)])
        asked = _asked(services, subject, request)
        resolve(services, asked)
        spec = run_spec(services, OperationKind.EXTEND, subject, run, asked.model_dump(mode="json"))
        return services.records.operations.open_existing(subject.project.id, spec)


def push_overlays(services: Services, operation_id: UUID) -> None:
    """Add the new environments' overlays to the repository, where it does not have them."""
    records = services.records
    operation = records.operations.get(operation_id)
    project = records.projects.get(operation.project_id)
    recorded = records.resources.repository(project.id)
    organization = records.directory.organization(str(project.organization_id))
    content = content_of(project, recorded, organization.slug, records.resources.environments_of(project.id))
    environments = [item.slug for item in resolve(services, request_of(operation)).environments]
    with step(services, operation_id, "push_overlays", intent={"environments": environments}) as outcome:
        try:
            applied = overlays.apply(
                services.gitlab,
                services.git,
                project,
                recorded,
                gitlab_id(recorded),
                content,
                environments,
                outcome.creating,
            )
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        outcome.external_id = applied.revision
        records.observations.repository_observed(project.id, after_push(applied))


def _asked(services: Services, subject: Subject, request: AddEnvironmentsRequest) -> ProjectRequest:
    changes = {
        "project_id": subject.project.id,
        "user_id": subject.user.username,
        "environment_ids": request.environment_ids,
        "sync_deadline": request.sync_deadline,
        "on_failure": FailurePolicy.KEEP,
        "dry_run": False,
    }
    return last_request(services, subject.project).model_copy(update=changes)
