"""The steps of `initialize_project` that concern the project as a whole. Each may be repeated at any time."""

from __future__ import annotations

from uuid import UUID

from groundwork import catalog
from groundwork.errors import PermanentError, SyncFailed
from groundwork.model import names
from groundwork.model.entities import Environment, Kind, Observation, Operation, Repository
from groundwork.model.request import ProjectRequest
from groundwork.model.statuses import Reason, Status
from groundwork.operations import accept
from groundwork.operations.ledger import step
from groundwork.operations.services import Services
from groundwork.records.specs import EnvironmentSpec, RepositorySpec
from groundwork.resources import credentials, repository, template


def request_of(operation: Operation) -> ProjectRequest:
    """The request an operation was opened with."""
    return ProjectRequest.model_validate(operation.request)


def record_resources(services: Services, operation_id: UUID) -> list[str]:
    """Record everything to be made as `pending`; the slugs of the environments, in the request's order."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    resolved = accept.resolve(services, request)
    with step(services, operation_id, "record_resources") as outcome:
        services.records.resources.record(
            operation_id,
            operation.project_id,
            repository_spec(request),
            [_environment_spec(services, request, environment) for environment in resolved.environments],
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
            applied = repository.apply(services.gitlab, project, recorded)
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        outcome.external_id, outcome.created = str(applied.project.id), applied.created
        records.observations.repository_observed(
            project.id,
            _after_creation(recorded),
            gitlab_id=applied.project.id,
            http_url=applied.project.http_url,
            web_url=applied.project.web_url,
            created_by_us=applied.created,
        )


def push_template(services: Services, operation_id: UUID) -> None:
    """Render the template and push it as the repository's first commit."""
    records = services.records
    operation = records.operations.get(operation_id)
    project = records.projects.get(operation.project_id)
    recorded = records.resources.repository(project.id)
    organization = records.directory.organization(str(project.organization_id))
    content = template.Content(
        template=catalog.get_template(project.template_id),
        answers=project.template_answers,
        context=template.context(
            project,
            organization.slug,
            recorded.http_url or "",
            recorded.default_branch,
            {item.environment.slug: item.namespace for item in records.resources.environments_of(project.id)},
        ),
    )
    intent = {"template": content.template.id, "version": content.template.version}
    with step(services, operation_id, "push_template", intent=intent) as outcome:
        try:
            applied = template.apply(
                services.gitlab, services.git, project, recorded, gitlab_id(recorded), content
            )
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        outcome.external_id, outcome.created = applied.revision, applied.created
        records.observations.repository_observed(
            project.id, Observation(Status.SYNCED, Reason.OBSERVED, revision=applied.revision)
        )


def mark_project_synced(services: Services, operation_id: UUID) -> None:
    """Make sure that the project's derived status is `synced`. Raises `SyncFailed` if any part is not."""
    operation = services.records.operations.get(operation_id)
    with step(services, operation_id, "mark_project_synced") as outcome:
        project = services.records.projects.get(operation.project_id)
        if project.state.status is not Status.SYNCED:
            raise SyncFailed(
                f"Project '{project.slug}' is {project.state.status}, not synced: {project.state.reason}:"
                f" {project.state.message}"
            )
        outcome.result = {"revision": project.state.revision}


def repository_spec(request: ProjectRequest) -> RepositorySpec:
    """The repository a request asks for."""
    return RepositorySpec(
        path=f"{request.repository.group_path}/{request.slug}",
        visibility=request.repository.visibility,
        default_branch=request.repository.default_branch,
        description=request.repository.description,
    )


def gitlab_id(recorded: Repository) -> int:
    """GitLab's id of a recorded repository. Raises `SyncFailed` before it exists."""
    if recorded.gitlab_id is None:
        raise SyncFailed(f"Repository {recorded.path} has not been created; run create_repository first.")
    return recorded.gitlab_id


def _environment_spec(
    services: Services, request: ProjectRequest, environment: Environment
) -> EnvironmentSpec:
    namespace = names.namespace_name(services.settings.namespace_prefix, request.slug, environment.slug)
    resources = (
        (Kind.NAMESPACE, namespace),
        (Kind.GUARDRAILS, namespace),
        (Kind.CREDENTIALS, credentials.SECRET),
        (Kind.GIT_REPOSITORY, request.slug),
        (Kind.KUSTOMIZATION, request.slug),
    )
    return EnvironmentSpec(environment, namespace, resources)


def _after_creation(recorded: Repository) -> Observation:
    """A repository that already held the template keeps its status; a new one has only been accepted."""
    if recorded.state.status is Status.SYNCED:
        return recorded.state
    return Observation(Status.APPLIED, Reason.ACCEPTED)
