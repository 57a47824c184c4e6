"""What is done to projects: what a request would change, runs, operations with their steps, the timeline."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from groundwork.model import entities
from groundwork.model.changes import Action, System
from groundwork.model.entities import AuditEvent, OperationKind, StepEntry
from groundwork.model.statuses import OperationStatus
from groundwork.operations import plan as plans
from groundwork.web.problems import FieldProblem


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
