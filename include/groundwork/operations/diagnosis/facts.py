"""What was seen of a project, system by system, before anything is concluded from it. Pure.

A system that could not be looked at leaves its error here instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from groundwork.clients.gitlab import DeployToken, GitLabProject
from groundwork.clients.kubernetes import Manifest
from groundwork.errors import GroundworkError
from groundwork.records.cases import Case


@dataclass(frozen=True)
class TaskFacts:
    """A task of the run that failed or has not ended; `step` and `scope` are those of the ledger.

    `state` is Airflow's; `log` is the error at the end of its log, if that was read.
    """

    step: str
    scope: str
    state: str
    try_number: int
    log: str = ""


@dataclass(frozen=True)
class RunFacts:
    """The DAG run of the last operation. `state` is Airflow's, or None where it was not asked for."""

    state: str | None = None
    gone: bool = False
    paused: bool = False
    tasks: tuple[TaskFacts, ...] = ()
    error: GroundworkError | None = None


@dataclass(frozen=True)
class RepositoryFacts:
    """`holds_commit` is whether the recorded commit is on the default branch, `tokens` the active deploy
    tokens; None where that was not asked for."""

    found: GitLabProject | None = None
    holds_commit: bool | None = None
    tokens: tuple[DeployToken, ...] | None = None
    error: GroundworkError | None = None


@dataclass(frozen=True)
class Workload:
    """What Flux has applied that runs pods, the pods, and the warnings among the events."""

    controllers: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    warnings: tuple[Manifest, ...] = ()


@dataclass(frozen=True)
class EnvironmentFacts:
    """What is in an environment's namespace. `missing_guardrails` are names as `Kind/name`.

    `workload` is None where Flux has found it healthy, or has applied nothing.
    """

    namespace: Manifest | None = None
    missing_guardrails: tuple[str, ...] = ()
    secret: Manifest | None = None
    source: Manifest | None = None
    kustomization: Manifest | None = None
    workload: Workload | None = None
    error: GroundworkError | None = None


@dataclass(frozen=True)
class ProjectFacts:
    """Everything seen of one project; `run` is None where there is no Airflow to ask, `environments` are by
    slug."""

    case: Case
    run: RunFacts | None = None
    repository: RepositoryFacts = field(default_factory=RepositoryFacts)
    environments: Mapping[str, EnvironmentFacts] = field(default_factory=dict)
