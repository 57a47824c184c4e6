"""From rows to entities. Pure. Columns are named as the fields they fill; the rest is said here."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

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

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Entity = TypeVar("_Entity", bound="DataclassInstance")


def organization(row: Row) -> Organization:
    return _entity(Organization, row)


def user(row: Row) -> User:
    return _entity(User, row)


def environment(row: Row) -> Environment:
    return _entity(Environment, row, policy=_policy(row["policy"]))


def project(row: Row) -> Project:
    return _entity(Project, row, state=_observation(row))


def repository(row: Row) -> Repository:
    return _entity(Repository, row, state=_observation(row))


def project_environment(row: Row) -> ProjectEnvironment:
    """`row` carries what it lacks of its environment's columns, prefixed."""
    of = Environment(
        id=row["environment_id"],
        organization_id=row["organization_id"],
        slug=row["environment_slug"],
        name=row["environment_name"],
        cluster=row["cluster"],
        policy=_policy(row["environment_policy"]),
    )
    return _entity(ProjectEnvironment, row, environment=of, state=_observation(row))


def resource(row: Row) -> GitOpsResource:
    return _entity(GitOpsResource, row, kind=Kind(row["kind"]), state=_observation(row))


def operation(row: Row) -> Operation:
    kind, status = OperationKind(row["kind"]), OperationStatus(row["status"])
    return _entity(Operation, row, kind=kind, status=status)


def step(row: Row) -> StepEntry:
    return _entity(StepEntry, row, status=OperationStatus(row["status"]))


def audit_event(row: Row) -> AuditEvent:
    return _entity(AuditEvent, row)


def _observation(row: Row) -> Observation:
    return _entity(Observation, row, status=Status(row["status"]))


def _policy(values: dict[str, Any]) -> Policy:
    return Policy(sync_deadline=values.get("sync_deadline"), quota=values.get("quota", {}))


def _entity(entity: type[_Entity], row: Row, /, **made: object) -> _Entity:
    """An `entity` with the fields in `made`, and the others from the columns of their names."""
    same = {field.name: row[field.name] for field in fields(entity) if field.name not in made}
    return entity(**same, **made)
