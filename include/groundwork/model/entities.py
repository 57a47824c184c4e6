"""What the records hold, as plain data. Pure.

Ids are UUIDs; times are timezone-aware. An entity read from the records is a snapshot, not a live object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from groundwork.model.statuses import OperationStatus, Status


class Kind(StrEnum):
    """Kinds of recorded resources that an environment of a project owns in its cluster."""

    NAMESPACE = "Namespace"
    GUARDRAILS = "Guardrails"
    CREDENTIALS = "Credentials"
    GIT_REPOSITORY = "GitRepository"
    KUSTOMIZATION = "Kustomization"


class OperationKind(StrEnum):
    """What an operation does to its project."""

    INITIALIZE = "initialize"
    RECONCILE = "reconcile"
    REPAIR = "repair"
    DECOMMISSION = "decommission"
    UPGRADE = "upgrade"
    EXTEND = "extend"
    ROTATE = "rotate"


@dataclass(frozen=True)
class Organization:
    id: UUID
    slug: str
    name: str


@dataclass(frozen=True)
class User:
    id: UUID
    username: str
    name: str


@dataclass(frozen=True)
class Policy:
    """An environment's limits. `sync_deadline` is seconds; None takes the setting's default."""

    sync_deadline: float | None = None
    quota: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """A named target of an organization. `cluster` is the id of an Airflow connection."""

    id: UUID
    organization_id: UUID
    slug: str
    name: str
    cluster: str
    policy: Policy


@dataclass(frozen=True)
class Observation:
    """What was last seen of something recorded."""

    status: Status
    reason: str
    message: str = ""
    observed_at: datetime | None = None
    revision: str | None = None


@dataclass(frozen=True)
class Project:
    id: UUID
    organization_id: UUID
    slug: str
    name: str
    requested_by: UUID
    template_id: str
    template_version: str
    template_answers: dict[str, Any]
    created_at: datetime
    state: Observation


@dataclass(frozen=True)
class Repository:
    """The project's GitLab repository. `gitlab_id` and `http_url` are None until it exists."""

    id: UUID
    project_id: UUID
    path: str
    visibility: str
    default_branch: str
    description: str
    gitlab_id: int | None
    http_url: str | None
    web_url: str | None
    created_by_us: bool
    state: Observation


@dataclass(frozen=True)
class ProjectEnvironment:
    """One environment of one project, with the environment it is a part of."""

    id: UUID
    project_id: UUID
    environment: Environment
    namespace: str
    state: Observation


@dataclass(frozen=True)
class GitOpsResource:
    """One recorded resource in a cluster. `external_id` is the uid, or the deploy token's id."""

    id: UUID
    project_environment_id: UUID
    kind: Kind
    cluster: str
    namespace: str
    name: str
    external_id: str | None
    created_by_us: bool
    state: Observation


@dataclass(frozen=True)
class Operation:
    """One run against a project. `triggered_by` is who Airflow says triggered the run.

    A run that works on many projects has an operation for each: its `run_id` is the run's, a slash and the
    project's slug.
    """

    id: UUID
    project_id: UUID
    kind: OperationKind
    dag_id: str
    run_id: str
    requested_by: UUID
    triggered_by: str | None
    request: dict[str, Any]
    status: OperationStatus
    reason: str | None
    message: str | None
    started_at: datetime
    finished_at: datetime | None

    @property
    def dag_run_id(self) -> str:
        """The run's id in Airflow, whose ids have no slash."""
        return self.run_id.partition("/")[0]


@dataclass(frozen=True)
class StepEntry:
    """One step of an operation in the ledger; `scope` is the environment's slug, or '' for the whole project.

    `intent` was written before the step touched anything, `result` after. `created` says whether this
    operation made the thing `external_id` names; once true it stays true. `status` is the last attempt's.
    """

    id: UUID
    operation_id: UUID
    step: str
    scope: str
    status: OperationStatus
    attempts: int
    intent: dict[str, Any]
    result: dict[str, Any] | None
    external_id: str | None
    created: bool | None
    reason: str | None
    message: str | None
    started_at: datetime
    finished_at: datetime | None

    @property
    def creates(self) -> list[str]:
        """Everything this step found absent and then set out to create, in that order."""
        return list(self.intent.get("creates", ()))


@dataclass(frozen=True)
class AuditEvent:
    """Who did what, when. `action` is dotted words, such as `operation.opened`."""

    id: int
    occurred_at: datetime
    actor: str
    action: str
    project_id: UUID | None
    operation_id: UUID | None
    details: dict[str, Any]
