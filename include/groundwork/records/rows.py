"""From rows to entities. Pure."""

from __future__ import annotations

from typing import Any

from groundwork.model.entities import (
    AuditEvent,
    Environment,
    GitOpsResource,
    Kind,
    Observation,
    Operation,
    OperationKind,
    Organization,
    Policy,
    Project,
    ProjectEnvironment,
    Repository,
    StepEntry,
    User,
)
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records.connection import Row


def organization(row: Row) -> Organization:
    return Organization(id=row["id"], slug=row["slug"], name=row["name"])


def user(row: Row) -> User:
    return User(id=row["id"], username=row["username"], name=row["name"])


def environment(row: Row) -> Environment:
    return Environment(
        id=row["id"],
        organization_id=row["organization_id"],
        slug=row["slug"],
        name=row["name"],
        cluster=row["cluster"],
        policy=policy(row["policy"]),
    )


def policy(values: dict[str, Any]) -> Policy:
    return Policy(sync_deadline=values.get("sync_deadline"), quota=values.get("quota", {}))


def observation(row: Row) -> Observation:
    return Observation(
        status=Status(row["status"]),
        reason=row["reason"],
        message=row["message"],
        observed_at=row["observed_at"],
        revision=row["revision"],
    )


def project(row: Row) -> Project:
    return Project(
        id=row["id"],
        organization_id=row["organization_id"],
        slug=row["slug"],
        name=row["name"],
        requested_by=row["requested_by"],
        template_id=row["template_id"],
        template_version=row["template_version"],
        template_answers=row["template_answers"],
        created_at=row["created_at"],
        state=observation(row),
    )


def repository(row: Row) -> Repository:
    return Repository(
        id=row["id"],
        project_id=row["project_id"],
        path=row["path"],
        visibility=row["visibility"],
        default_branch=row["default_branch"],
        description=row["description"],
        gitlab_id=row["gitlab_id"],
        http_url=row["http_url"],
        web_url=row["web_url"],
        created_by_us=row["created_by_us"],
        state=observation(row),
    )


def project_environment(row: Row) -> ProjectEnvironment:
    """`row` carries its environment's columns besides its own, prefixed."""
    return ProjectEnvironment(
        id=row["id"],
        project_id=row["project_id"],
        environment=Environment(
            id=row["environment_id"],
            organization_id=row["organization_id"],
            slug=row["environment_slug"],
            name=row["environment_name"],
            cluster=row["cluster"],
            policy=policy(row["environment_policy"]),
        ),
        namespace=row["namespace"],
        state=observation(row),
    )


def resource(row: Row) -> GitOpsResource:
    return GitOpsResource(
        id=row["id"],
        project_environment_id=row["project_environment_id"],
        kind=Kind(row["kind"]),
        cluster=row["cluster"],
        namespace=row["namespace"],
        name=row["name"],
        external_id=row["external_id"],
        created_by_us=row["created_by_us"],
        state=observation(row),
    )


def operation(row: Row) -> Operation:
    return Operation(
        id=row["id"],
        project_id=row["project_id"],
        kind=OperationKind(row["kind"]),
        dag_id=row["dag_id"],
        run_id=row["run_id"],
        requested_by=row["requested_by"],
        triggered_by=row["triggered_by"],
        request=row["request"],
        status=OperationStatus(row["status"]),
        reason=row["reason"],
        message=row["message"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def step(row: Row) -> StepEntry:
    return StepEntry(
        id=row["id"],
        operation_id=row["operation_id"],
        step=row["step"],
        scope=row["scope"],
        status=OperationStatus(row["status"]),
        attempts=row["attempts"],
        intent=row["intent"],
        result=row["result"],
        external_id=row["external_id"],
        created=row["created"],
        reason=row["reason"],
        message=row["message"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def audit_event(row: Row) -> AuditEvent:
    return AuditEvent(
        id=row["id"],
        occurred_at=row["occurred_at"],
        actor=row["actor"],
        action=row["action"],
        project_id=row["project_id"],
        operation_id=row["operation_id"],
        details=row["details"],
    )
