"""What the API answers with: the records' entities as JSON, for other programs to rely on."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from groundwork.catalog import Template, answers_schema
from groundwork.model import entities
from groundwork.model.changes import Action, System
from groundwork.model.entities import AuditEvent, Kind, Observation, OperationKind, StepEntry
from groundwork.model.statuses import OperationStatus, Status
from groundwork.operations import plan as plans
from groundwork.records.figures import Figures
from groundwork.records.listing import ListedProject
from groundwork.records.overview import Whole
from groundwork.records.people import Membership
from groundwork.web.problems import FieldProblem


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


class Organization(BaseModel):
    id: UUID
    slug: str
    name: str

    @classmethod
    def of(cls, entity: entities.Organization) -> Self:
        return cls(id=entity.id, slug=entity.slug, name=entity.name)


class User(BaseModel):
    id: UUID
    username: str
    name: str

    @classmethod
    def of(cls, entity: entities.User) -> Self:
        return cls(id=entity.id, username=entity.username, name=entity.name)


class Environment(BaseModel):
    """A named target of an organization."""

    id: UUID
    slug: str
    name: str
    cluster: str = Field(description="Id of an Airflow connection.")

    @classmethod
    def of(cls, entity: entities.Environment) -> Self:
        return cls(id=entity.id, slug=entity.slug, name=entity.name, cluster=entity.cluster)


class OrganizationChoice(Organization):
    """An organization with what a request in it may name."""

    environments: list[Environment]
    members: list[User]

    @classmethod
    def of_membership(cls, found: Membership) -> Self:
        return cls(
            **Organization.of(found.organization).model_dump(),
            environments=[Environment.of(item) for item in found.environments],
            members=[User.of(item) for item in found.members],
        )


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


class Step(BaseModel):
    """One step of an operation; `environment` is None for one that concerns the whole project."""

    step: str
    environment: str | None
    status: OperationStatus
    attempts: int
    created: bool | None = Field(description="Whether this operation made what `external_id` names.")
    external_id: str | None
    reason: str | None
    message: str | None
    started_at: datetime
    finished_at: datetime | None


class Operation(BaseModel):
    """One run against a project. `triggered_by` is who was logged in to Airflow."""

    id: UUID
    project_id: UUID
    kind: OperationKind
    dag_id: str
    run_id: str
    triggered_by: str | None
    status: OperationStatus
    reason: str | None
    message: str | None
    started_at: datetime
    finished_at: datetime | None
    steps: list[Step]

    @classmethod
    def of(cls, entity: entities.Operation, steps: list[StepEntry]) -> Self:
        return cls(
            id=entity.id,
            project_id=entity.project_id,
            kind=entity.kind,
            dag_id=entity.dag_id,
            run_id=entity.run_id,
            triggered_by=entity.triggered_by,
            status=entity.status,
            reason=entity.reason,
            message=entity.message,
            started_at=entity.started_at,
            finished_at=entity.finished_at,
            steps=[_step(item) for item in steps],
        )


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


class Event(BaseModel):
    """Who did what, when; `action` is dotted words, such as `operation.opened`."""

    id: int
    occurred_at: datetime
    actor: str
    action: str
    operation_id: UUID | None
    details: dict[str, Any]

    @classmethod
    def of(cls, event: AuditEvent) -> Self:
        return cls(
            id=event.id,
            occurred_at=event.occurred_at,
            actor=event.actor,
            action=event.action,
            operation_id=event.operation_id,
            details=event.details,
        )


class TemplateChoice(BaseModel):
    """A template of the catalog; `answers_schema` is the JSON schema (2020-12) of `template_answers`."""

    id: str
    version: str
    title: str
    description: str
    answers_schema: dict[str, Any]

    @classmethod
    def of(cls, template: Template) -> Self:
        return cls(
            id=template.id,
            version=template.version,
            title=template.title,
            description=template.description,
            answers_schema=answers_schema(template),
        )


class Difference(BaseModel):
    """One field that is not as it should be; null is an absent value."""

    field: str
    observed: Any
    desired: Any


class Change(BaseModel):
    """What would be done to one thing; `environment` is None for the project as a whole."""

    system: System
    environment: str | None
    kind: str
    name: str
    action: Action
    message: str
    differences: list[Difference]


class Plan(BaseModel):
    """All that a request would change, in the order it is done, and the problems that stand in its way."""

    changes: list[Change]
    problems: list[FieldProblem]

    @classmethod
    def of(cls, plan: plans.Plan) -> Self:
        return cls(
            changes=[
                Change(
                    system=item.system,
                    environment=item.scope or None,
                    kind=item.kind,
                    name=item.name,
                    action=item.action,
                    message=item.message,
                    differences=[Difference(**asdict(one)) for one in item.differences],
                )
                for item in plan.pending
            ],
            problems=[FieldProblem(field=item.field, rule=item.rule) for item in plan.problems],
        )


class SyncTimes(BaseModel):
    """How long requests took to become synced, seconds."""

    number: int
    p50: float | None
    p95: float | None


class Day(BaseModel):
    day: date
    succeeded: int
    failed: int
    synced: SyncTimes


class GitLabBudget(BaseModel):
    """Requests that GitLab still takes from Groundwork before it asks for a pause."""

    limit: int
    remaining: int


class Health(BaseModel):
    """`stuck` counts unfinished projects that nobody works on. `drifted_slug` was seen drifted longest ago.

    `waiting` counts environments that wait for Flux now.
    """

    counts: dict[Status, int]
    stuck: int
    synced: SyncTimes
    days: list[Day]
    drifted_slug: str | None
    drifted_seen_at: datetime | None
    waiting: int
    waiting_since: datetime | None

    @classmethod
    def of(cls, figures: Figures) -> Self:
        def times(found: Any) -> SyncTimes:
            return SyncTimes(number=found.number, p50=found.p50, p95=found.p95)

        return cls(
            counts=figures.counts,
            stuck=figures.stuck,
            synced=times(figures.synced),
            days=[
                Day(day=item.day, succeeded=item.succeeded, failed=item.failed, synced=times(item.synced))
                for item in figures.days
            ],
            drifted_slug=figures.drifted_slug,
            drifted_seen_at=figures.drifted_seen_at,
            waiting=figures.waiting,
            waiting_since=figures.waiting_since,
        )


class Run(BaseModel):
    """A DAG run and what came of it so far. `operation` and `project` are None until it is accepted.

    `refusal` says why the request was not accepted.
    """

    dag_id: str
    run_id: str
    state: str = Field(description="Airflow's: queued, running, success or failed.")
    page: str = Field(description="Path of the page that shows the run's project.")
    operation_id: UUID | None = None
    project_id: UUID | None = None
    refusal: str | None = None


class Check(BaseModel):
    """Whether a value can be used; `rule` is the rule it breaks."""

    ok: bool
    rule: str | None = None


class Approval(BaseModel):
    """What a task waits for: one of `options`, chosen by a person. `url` is the task's page in Airflow."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    subject: str
    body: str | None
    options: list[str]
    created_at: datetime


def _step(entry: StepEntry) -> Step:
    return Step(
        step=entry.step,
        environment=entry.scope or None,
        status=entry.status,
        attempts=entry.attempts,
        created=entry.created,
        external_id=entry.external_id,
        reason=entry.reason,
        message=entry.message,
        started_at=entry.started_at,
        finished_at=entry.finished_at,
    )


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
