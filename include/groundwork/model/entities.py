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
    """One run against a project. `triggered_by` is who Airflow says triggered the run."""

    id: UUID
    project_id: UUID
    kind: str
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
