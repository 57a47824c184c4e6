"""A project with all its parts and how each of them stands, and the list of projects."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from groundwork.model import entities
from groundwork.model.entities import Kind, Observation
from groundwork.model.statuses import Status
from groundwork.records.listing import ListedProject
from groundwork.records.overview import Whole
from groundwork.web.schemas.choices import Organization, User
from groundwork.web.schemas.operations import Operation


class State(BaseModel):
    """What was last seen, and when."""

    status: Status
    reason: str = Field(description="CamelCase word for machines.")
    message: str
    revision: str | None = Field(description="The commit it was seen at.")
    observed_at: datetime | None

    @classmethod
    def columns(cls, state: Observation) -> dict[str, Any]:
        return {
            "status": state.status,
            "reason": state.reason,
            "message": state.message,
            "revision": state.revision,
            "observed_at": state.observed_at,
        }


class Resource(State):
    """One resource of an environment in its cluster."""

    kind: Kind
    name: str


class Repository(State):
    path: str
    url: str | None = Field(description="Its page in GitLab.")
    visibility: str
    default_branch: str
    description: str
    created_by_groundwork: bool


class ProjectEnvironment(State):
    """One environment of a project; `resources` in the order they are made."""

    environment: str = Field(description="Slug of the environment.")
    name: str
    namespace: str
    cluster: str
    resources: list[Resource]


class Holder(BaseModel):
    """The operation that holds the project now, so that no other may change it."""

    operation_id: UUID
    acquired_at: datetime
    expires_at: datetime


class Project(State):
    """A project with all its parts and its last operations, newest first."""

    id: UUID
    slug: str
    name: str
    organization: Organization
    requested_by: User
    template_id: str
    template_version: str
    template_answers: dict[str, Any]
    created_at: datetime
    repository: Repository | None
    environments: list[ProjectEnvironment]
    operations: list[Operation]
    holder: Holder | None

    @classmethod
    def of(cls, whole: Whole) -> Self:
        project = whole.project
        return cls(
            **State.columns(project.state),
            id=project.id,
            slug=project.slug,
            name=project.name,
            organization=Organization.of(whole.organization),
            requested_by=User.of(whole.requested_by),
            template_id=project.template_id,
            template_version=project.template_version,
            template_answers=project.template_answers,
            created_at=project.created_at,
            repository=_repository(whole.repository) if whole.repository else None,
            environments=[_environment(item, resources) for item, resources in whole.environments],
            operations=[Operation.of(item, steps) for item, steps in whole.operations],
            holder=Holder(**asdict(whole.holder)) if whole.holder else None,
        )


class ListedEnvironment(BaseModel):
    environment: str
    status: Status


class ProjectLine(State):
    """One project of a list."""

    id: UUID
    slug: str
    name: str
    organization: str = Field(description="Slug of the organization.")
    organization_name: str
    template_id: str
    template_version: str
    created_at: datetime
    repository_path: str | None
    repository_url: str | None
    environments: list[ListedEnvironment]

    @classmethod
    def of(cls, found: ListedProject) -> Self:
        project = found.project
        # From plain values, which is several times quicker than a model for each of a page's environments.
        return cls.model_validate(
            {
                **State.columns(project.state),
                "id": project.id,
                "slug": project.slug,
                "name": project.name,
                "organization": found.organization_slug,
                "organization_name": found.organization_name,
                "template_id": project.template_id,
                "template_version": project.template_version,
                "created_at": project.created_at,
                "repository_path": found.repository_path,
                "repository_url": found.repository_url,
                "environments": [
                    {"environment": item.slug, "status": item.status} for item in found.environments
                ],
            }
        )


class ProjectPage(BaseModel):
    """One page of projects, newest first; `next` goes into `after` of the next page."""

    items: list[ProjectLine]
    next: UUID | None


def _repository(entity: entities.Repository) -> Repository:
    return Repository(
        **State.columns(entity.state),
        path=entity.path,
        url=entity.web_url,
        visibility=entity.visibility,
        default_branch=entity.default_branch,
        description=entity.description,
        created_by_groundwork=entity.created_by_us,
    )


def _environment(
    entity: entities.ProjectEnvironment, resources: list[entities.GitOpsResource]
) -> ProjectEnvironment:
    return ProjectEnvironment(
        **State.columns(entity.state),
        environment=entity.environment.slug,
        name=entity.environment.name,
        namespace=entity.namespace,
        cluster=entity.environment.cluster,
        resources=[
            Resource(**State.columns(item.state), kind=item.kind, name=item.name) for item in resources
        ],
    )
