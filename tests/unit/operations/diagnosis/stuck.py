"""A project that is stuck although nothing is wrong with it, and ways to break each of its links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from groundwork.clients.gitlab import DeployToken
from groundwork.model.entities import (
    GitOpsResource,
    Kind,
    Observation,
    Operation,
    OperationKind,
    StepEntry,
)
from groundwork.model.statuses import OperationStatus, Status
from groundwork.operations.diagnosis.facts import (
    EnvironmentFacts,
    ProjectFacts,
    RepositoryFacts,
    RunFacts,
    Workload,
)
from groundwork.records.cases import Case
from groundwork.resources import credentials, ownership
from tests.unit.shop import ENVIRONMENT, ID, IN_GITLAB, PENDING, PROJECT, REPOSITORY

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS, NEWER = "a" * 40, "b" * 40
SPACE = ENVIRONMENT.namespace
CLUSTER = ENVIRONMENT.environment.cluster
SYNCED = Observation(Status.SYNCED, "Observed", revision=OURS)

Object = dict[str, Any]
Break = Callable[[ProjectFacts], ProjectFacts]


def condition(kind: str, status: str, reason: str = "Reason", message: str = "said") -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
    }


def item(kind: str, name: str, **content: Any) -> Object:
    metadata = {
        "name": name,
        "namespace": SPACE,
        "generation": 1,
        "creationTimestamp": "2026-01-01T11:00:00Z",
        "labels": ownership.labels(ID, "shop", "dev"),
    }
    return {"kind": kind, "metadata": {**metadata, **content.pop("metadata", {})}, **content}


def source(*conditions: Object, commit: str | None = OURS, **spec: Any) -> Object:
    status: Object = {"conditions": list(conditions or (condition("Ready", "True"),))}
    if commit:
        status["artifact"] = {"revision": f"main@sha1:{commit}"}
    return item("GitRepository", "shop", spec=spec, status=status)


def kustomization(*conditions: Object, applied: str | None = OURS, parked: str = "", **spec: Any) -> Object:
    status: Object = {
        "conditions": list(conditions or (condition("Ready", "True"), condition("Healthy", "True"))),
        "observedGeneration": 1,
        "lastAttemptedRevision": f"main@sha1:{OURS}",
        "inventory": {"entries": [{"id": f"{SPACE}_web_apps_Deployment", "v": "v1"}]},
    }
    if applied:
        status["lastAppliedRevision"] = f"main@sha1:{applied}"
    metadata = {"annotations": {"groundwork.dev/parked": parked}} if parked else {}
    return item("Kustomization", "shop", metadata=metadata, spec=spec, status=status)


def entry(
    step: str, scope: str = "", status: str = "failed", reason: str = "NotAllowed", message: str = "said"
) -> StepEntry:
    done = status == "succeeded"
    return StepEntry(
        id=UUID(int=9),
        operation_id=UUID(int=8),
        step=step,
        scope=scope,
        status=OperationStatus(status),
        attempts=1,
        intent={},
        result={} if done else None,
        external_id=None,
        created=None,
        reason=None if done or status == "running" else reason,
        message=None if done or status == "running" else message,
        started_at=NOW,
        finished_at=None,
    )


def stuck() -> ProjectFacts:
    """Everything is in place, and the record says `pending`: what the last run left behind."""
    repository = replace(REPOSITORY, web_url=None, state=SYNCED)
    names = {Kind.CREDENTIALS: credentials.SECRET, Kind.NAMESPACE: SPACE, Kind.GUARDRAILS: SPACE}
    resources = tuple(
        GitOpsResource(
            UUID(int=20),
            ENVIRONMENT.id,
            kind,
            CLUSTER,
            SPACE,
            names.get(kind, "shop"),
            "uid",
            True,
            PENDING,
        )
        for kind in Kind
    )
    operation = Operation(
        id=UUID(int=8),
        project_id=ID,
        kind=OperationKind.INITIALIZE,
        dag_id="initialize_project",
        run_id="run-1",
        requested_by=PROJECT.requested_by,
        triggered_by=None,
        request={},
        status=OperationStatus.SUCCEEDED,
        reason=None,
        message=None,
        started_at=NOW,
        finished_at=NOW,
    )
    request = {
        "name": "Shop",
        "slug": "shop",
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform"},
        "template_id": "web-service",
        "environment_ids": ["dev"],
    }
    seen = EnvironmentFacts(
        namespace=item("Namespace", SPACE),
        secret=item(
            "Secret", credentials.SECRET, metadata={"annotations": {credentials.TOKEN_ID_ANNOTATION: "31"}}
        ),
        source=source(),
        kustomization=kustomization(),
    )
    return ProjectFacts(
        case=Case(PROJECT, repository, ((ENVIRONMENT, resources),), operation, None, (), request),
        run=RunFacts(),
        repository=RepositoryFacts(IN_GITLAB, tokens=(DeployToken(31, "groundwork-dev", "u"),)),
        environments={"dev": seen},
    )


def environment(**changes: Any) -> Break:
    """Sees other things in the environment."""

    def broken(facts: ProjectFacts) -> ProjectFacts:
        return replace(facts, environments={"dev": replace(facts.environments["dev"], **changes)})

    return broken


def repository(**changes: Any) -> Break:
    """Sees another GitLab project; `found=None` for none, other changes are the project's fields."""

    def broken(facts: ProjectFacts) -> ProjectFacts:
        seen = facts.repository.found
        assert seen is not None
        if "found" not in changes:
            return replace(facts, repository=replace(facts.repository, found=replace(seen, **changes)))
        return replace(facts, repository=replace(facts.repository, **changes))

    return broken


def gitlab(**changes: Any) -> Break:
    """Sees other facts of the repository than the project itself."""
    return lambda facts: replace(facts, repository=replace(facts.repository, **changes))


def recorded_repository(**changes: Any) -> Break:
    def broken(facts: ProjectFacts) -> ProjectFacts:
        known = facts.case.repository
        assert known is not None
        return replace(facts, case=replace(facts.case, repository=replace(known, **changes)))

    return broken


def operation(
    status: str, *steps: StepEntry, run: RunFacts | None = None, held: bool = False, **changes: Any
) -> Break:
    """Leaves the last operation like this."""

    def broken(facts: ProjectFacts) -> ProjectFacts:
        last = facts.case.operation
        assert last is not None
        failed = {"reason": "NotReached", "message": "ended early"} if status == "failed" else {}
        last = replace(last, status=OperationStatus(status), **{**failed, **changes})
        held_until = NOW.replace(hour=13) if held else None
        case = replace(facts.case, operation=last, steps=steps, held_until=held_until)
        return replace(facts, case=case, run=run or RunFacts())

    return broken


def unmade(*kinds: Kind) -> Break:
    """These kinds were recorded and never made."""

    def broken(facts: ProjectFacts) -> ProjectFacts:
        ((item, resources),) = facts.case.environments
        changed = tuple(
            replace(one, created_by_us=False, external_id=None) if one.kind in kinds else one
            for one in resources
        )
        return replace(facts, case=replace(facts.case, environments=((item, changed),)))

    return broken


def unhealthy(
    *pods: Object,
    controllers: tuple[Object, ...] = (),
    warnings: tuple[Object, ...] = (),
    parked: bool = False,
) -> Break:
    """Flux waits in vain for the workload's health."""
    failed = condition("Ready", "False", "HealthCheckFailed", "timeout waiting for Deployment/web")
    holder = (
        kustomization(failed, parked="HealthCheckFailed", suspend=True) if parked else kustomization(failed)
    )
    return environment(kustomization=holder, workload=Workload(controllers, pods, warnings))


def pod(*containers: Object, **status: Any) -> Object:
    return item("Pod", "web-1", status={"phase": "Pending", "containerStatuses": list(containers), **status})


def container(waiting: str, message: str = "said", **last: Any) -> Object:
    state = {"waiting": {"reason": waiting, "message": message}}
    return {"name": "web", "state": state, "lastState": {"terminated": last} if last else {}}


def deployment(*conditions: Object, ready: int = 0) -> Object:
    return item(
        "Deployment",
        "web",
        spec={"replicas": 2},
        status={"readyReplicas": ready, "conditions": list(conditions)},
    )


def warning(reason: str, kind: str = "Pod", name: str = "web-1", message: str = "said") -> Object:
    about = {"kind": kind, "name": name}
    return item(
        "Event",
        "event",
        involvedObject=about,
        reason=reason,
        message=message,
        lastTimestamp="2026-01-01T12:00:00Z",
    )


def of_all(*breaks: Break) -> Break:
    def broken(facts: ProjectFacts) -> ProjectFacts:
        for one in breaks:
            facts = one(facts)
        return facts

    return broken
