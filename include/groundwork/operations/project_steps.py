"""The steps of `initialize_project` that concern the project as a whole. Each may be repeated at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from groundwork import catalog
from groundwork.errors import PermanentError, SyncFailed
from groundwork.model.changes import Action, Change
from groundwork.model.entities import (
    Observation,
    Operation,
    OperationKind,
    Project,
    ProjectEnvironment,
    Repository,
)
from groundwork.model.request import ProjectRequest
from groundwork.model.statuses import Reason, Status
from groundwork.operations import specs
from groundwork.operations.ledger import step
from groundwork.operations.resolution import resolve
from groundwork.operations.services import Services
from groundwork.resources import repository, template

LAST_STEP = "mark_project_synced"


def request_of(operation: Operation) -> ProjectRequest:
    """The request an operation was opened with."""
    return ProjectRequest.model_validate(operation.request)


def record_resources(services: Services, operation_id: UUID) -> list[str]:
    """Record everything to be made as `pending`; the slugs of the environments, in the request's order."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    resolved = resolve(services, request)
    with step(services, operation_id, "record_resources") as outcome:
        services.records.resources.record(
            operation_id,
            operation.project_id,
            specs.repository_spec(request),
            [
                specs.environment_spec(services.settings, request.slug, environment)
                for environment in resolved.environments
            ],
            replace=operation.kind is OperationKind.INITIALIZE,
        )
        environments = [environment.slug for environment in resolved.environments]
        outcome.result = {"environments": environments}
    return environments


def create_repository(services: Services, operation_id: UUID) -> None:
    """Create the GitLab repository, or go on with the project's own."""
    records = services.records
    operation = records.operations.get(operation_id)
    project = records.projects.get(operation.project_id)
    recorded = records.resources.repository(project.id)
    with step(services, operation_id, "create_repository", intent={"path": recorded.path}) as outcome:
        try:
            applied = repository.apply(
                services.gitlab,
                project,
                recorded,
                request_of(operation).repository,
                outcome.creating,
                lambda planned: _audit_change(services, project, planned),
            )
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        outcome.external_id = str(applied.project.id)
        outcome.created = repository.title(recorded) in outcome.creates
        records.observations.repository_observed(
            project.id,
            _after_creation(recorded),
            gitlab_id=applied.project.id,
            http_url=applied.project.http_url,
            web_url=applied.project.web_url,
            created_by_us=not applied.adopted,
        )


def _audit_change(services: Services, project: Project, planned: Change) -> None:
    """Leave on the audit trail what is changed about a repository that is there; adopting is told later."""
    done = {Action.CHANGE: "changed", Action.RESTORE: "restored"}.get(planned.action)
    if done is None:
        return
    details: dict[str, Any] = {"path": planned.name, "message": planned.message}
    details["before"] = {item.field: item.observed for item in planned.differences}
    details["after"] = {item.field: item.desired for item in planned.differences}
    services.records.audit.changed(project.id, f"repository.{done}", details)


def push_template(services: Services, operation_id: UUID) -> None:
    """Render the template and push it as the repository's first commit."""
    records = services.records
    operation = records.operations.get(operation_id)
    project = records.projects.get(operation.project_id)
    recorded = records.resources.repository(project.id)
    organization = records.directory.organization(str(project.organization_id))
    environments = records.resources.environments_of(project.id)
    content = content_of(project, recorded, organization.slug, environments)
    intent = {"template": content.template.id, "version": content.template.version}
    with step(services, operation_id, "push_template", intent=intent) as outcome:
        try:
            applied = template.apply(
                services.gitlab,
                services.git,
                project,
                recorded,
                gitlab_id(recorded),
                content,
                outcome.creating,
            )
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        outcome.external_id = applied.revision
        outcome.created = template.title(applied.revision) in outcome.creates
        records.observations.repository_observed(project.id, after_push(applied))


def mark_project_synced(services: Services, operation_id: UUID) -> None:
    """Make sure that the project's derived status is `synced`. Raises `SyncFailed` if any part is not."""
    operation = services.records.operations.get(operation_id)
    with step(services, operation_id, LAST_STEP) as outcome:
        _look_for_merge(services, operation.project_id)
        project = services.records.projects.get(operation.project_id)
        if project.state.status is not Status.SYNCED:
            raise SyncFailed(
                f"Project '{project.slug}' is {project.state.status}, not synced: {project.state.reason}:"
                f" {project.state.message}"
            )
        outcome.result = {"revision": project.state.revision}


def after_push(applied: template.AppliedTemplate) -> Observation:
    """How the repository's record reads once its content was pushed or proposed."""
    if applied.merge_request is None:
        return Observation(Status.SYNCED, Reason.OBSERVED, revision=applied.revision)
    message = f"files for Flux wait in merge request {applied.merge_request}"
    return Observation(Status.APPLIED, Reason.MERGE_REQUEST_OPEN, message, revision=applied.revision)


def _look_for_merge(services: Services, project_id: UUID) -> None:
    """Record that the default branch has the template by now, where that was left to a merge request."""
    recorded = services.records.resources.repository(project_id)
    if recorded.state.status is not Status.APPLIED or recorded.http_url is None:
        return
    head = services.git.remote_head(recorded.http_url, recorded.default_branch)
    project = services.records.projects.get(project_id)
    revision = template.observe(services.gitlab, head, project, recorded, gitlab_id(recorded))
    if revision is not None:
        observed = Observation(Status.SYNCED, Reason.OBSERVED, revision=revision)
        services.records.observations.repository_observed(project_id, observed)


def content_of(
    project: Project, recorded: Repository, organization: str, environments: Sequence[ProjectEnvironment]
) -> template.Content:
    """What a project's repository starts with, without environments that are removed.

    `organization` is its slug.
    """
    return template.Content(
        template=catalog.get_template(project.template_id),
        answers=project.template_answers,
        context=template.context(
            project,
            organization,
            recorded.http_url or "",
            recorded.default_branch,
            {
                item.environment.slug: item.namespace
                for item in environments
                if item.state.status is not Status.REMOVED
            },
        ),
    )


def gitlab_id(recorded: Repository) -> int:
    """GitLab's id of a recorded repository. Raises `SyncFailed` before it exists."""
    if recorded.gitlab_id is None:
        raise SyncFailed(f"Repository {recorded.path} has not been created; run create_repository first.")
    return recorded.gitlab_id


def _after_creation(recorded: Repository) -> Observation:
    """A repository that already held the template keeps its status; a new one has only been accepted."""
    if recorded.state.status is Status.SYNCED:
        return recorded.state
    return Observation(Status.APPLIED, Reason.ACCEPTED)
