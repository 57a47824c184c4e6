"""What the records are given to write: the inputs of `operations.open` and `resources.record`. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from groundwork.model.entities import Environment, Kind, OperationKind


@dataclass(frozen=True)
class ProjectSpec:
    """A project as requested. `project_id` is None for a new project, or names the one to run again."""

    organization_id: UUID
    slug: str
    name: str
    template_id: str
    template_version: str
    template_answers: dict[str, Any] = field(default_factory=dict)
    project_id: UUID | None = None


@dataclass(frozen=True)
class RunSpec:
    """The DAG run behind an operation; `dag_id` and `run_id` together name it for good.

    `requested_by` is the user in whose name it runs, `triggered_by` who Airflow says triggered it.
    `lease_seconds` is how long the project is the operation's unless it renews.
    """

    kind: OperationKind
    dag_id: str
    run_id: str
    requested_by: UUID
    lease_seconds: float
    triggered_by: str | None = None
    request: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RepositorySpec:
    """The repository a project is to have; `path` is the full path with the group."""

    path: str
    visibility: str
    default_branch: str
    description: str = ""


@dataclass(frozen=True)
class EnvironmentSpec:
    """One environment a project is to have, with the kind and name of each resource in its cluster."""

    environment: Environment
    namespace: str
    resources: Sequence[tuple[Kind, str]]
