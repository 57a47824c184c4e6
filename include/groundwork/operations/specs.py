"""What a request writes into the records. Pure."""

from __future__ import annotations

from groundwork.model import names
from groundwork.model.entities import Environment, Kind, OperationKind
from groundwork.model.request import ProjectRequest
from groundwork.operations.resolution import Resolved, Run
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec
from groundwork.resources import credentials
from groundwork.settings import Settings


def project_spec(request: ProjectRequest, resolved: Resolved) -> ProjectSpec:
    """The project a request asks for."""
    return ProjectSpec(
        organization_id=resolved.organization.id,
        slug=request.slug,
        name=request.name,
        template_id=resolved.template.id,
        template_version=resolved.template.version,
        template_answers=resolved.answers,
        project_id=request.project_id,
    )


def run_spec(settings: Settings, request: ProjectRequest, resolved: Resolved, run: Run) -> RunSpec:
    """The operation a request is carried out by."""
    return RunSpec(
        kind=OperationKind.INITIALIZE,
        dag_id=run.dag_id,
        run_id=run.run_id,
        requested_by=resolved.user.id,
        lease_seconds=settings.lease_seconds,
        triggered_by=run.triggered_by,
        request=request.model_dump(mode="json"),
    )


def repository_spec(request: ProjectRequest) -> RepositorySpec:
    """The repository a request asks for."""
    return RepositorySpec(
        path=f"{request.repository.group_path}/{request.slug}",
        visibility=request.repository.visibility,
        default_branch=request.repository.default_branch,
        description=request.repository.description,
    )


def environment_spec(settings: Settings, slug: str, environment: Environment) -> EnvironmentSpec:
    """One environment of the project called `slug`, with the resources it gets."""
    namespace = names.namespace_name(settings.namespace_prefix, slug, environment.slug)
    resources = (
        (Kind.NAMESPACE, namespace),
        (Kind.GUARDRAILS, namespace),
        (Kind.CREDENTIALS, credentials.SECRET),
        (Kind.GIT_REPOSITORY, slug),
        (Kind.KUSTOMIZATION, slug),
    )
    return EnvironmentSpec(environment, namespace, resources)
