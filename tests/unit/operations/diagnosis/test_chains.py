"""Which link is the cause, for every way a project can be stuck: from the request to the pods."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundwork.errors import NotAllowed, Unavailable
from groundwork.model.entities import Kind, Observation, OperationKind
from groundwork.model.statuses import Status
from groundwork.operations.diagnosis.chains import diagnosis
from groundwork.operations.diagnosis.facts import ProjectFacts, RunFacts, TaskFacts
from groundwork.operations.diagnosis.findings import Chain, Place, State

from . import stuck
from .stuck import (
    NEWER,
    NOW,
    Break,
    condition,
    container,
    deployment,
    entry,
    environment,
    gitlab,
    kustomization,
    of_all,
    operation,
    pod,
    recorded_repository,
    repository,
    source,
    unhealthy,
    unmade,
    warning,
)

ALL = (Kind.NAMESPACE, Kind.GUARDRAILS, Kind.CREDENTIALS, Kind.GIT_REPOSITORY, Kind.KUSTOMIZATION)
NOTHING = environment(namespace=None, secret=None, source=None, kustomization=None)
DOOMED = {"deletionTimestamp": "2026-01-01T11:59:00Z", "finalizers": ["finalizers.fluxcd.io"]}
NO_LABELS: dict[str, Any] = {"labels": {}}
SILENT = {"metadata": {"creationTimestamp": "2026-01-01T11:00:00Z"}}
RETRYING = TaskFacts("create_repository", "", "up_for_retry", 3)
NOTHING_MADE = of_all(unmade(*ALL), NOTHING)
NO_REPOSITORY = of_all(recorded_repository(gitlab_id=None), repository(found=None))
APPLIED = Observation(Status.APPLIED, "MergeRequestOpen", "the files wait in !1", revision=stuck.OURS)
QUARANTINED = Observation(Status.FAILED, "Quarantined", "archived, because its operation failed")

# What is broken; where that is found; the reason; a piece of the message; whether running again may mend it.
BROKEN: list[tuple[str, Break, Place, str, str, bool]] = [
    (
        "nothing but the record",
        lambda facts: facts,
        Place.RECORD,
        "Recorded",
        "everything it stands for",
        True,
    ),
    (
        "a step was refused",
        of_all(
            operation("failed", entry("create_repository", message="no right")), NO_REPOSITORY, NOTHING_MADE
        ),
        *(Place.RUN, "NotAllowed", "create_repository failed: no right", True),
    ),
    (
        "the request was wrong",
        of_all(
            operation("failed", reason="InvalidRequest", message="slug: is bad"), NO_REPOSITORY, NOTHING_MADE
        ),
        *(Place.RUN, "InvalidRequest", "slug: is bad", False),
    ),
    (
        "a step of the environment was refused",
        operation("failed", entry("create_namespace", "dev", reason="Conflict", message="not ours")),
        *(Place.RUN, "Conflict", "create_namespace failed: not ours", False),
    ),
    (
        "the task's log says more than the ledger",
        operation(
            "failed",
            entry("push_template", reason="InternalError", message="push_template broke: KeyError"),
            run=RunFacts(tasks=(TaskFacts("push_template", "", "failed", 2, "KeyError: 'x'"),)),
        ),
        *(Place.RUN, "InternalError", "try 2: KeyError: 'x'", False),
    ),
    (
        "a step was refused, and Airflow is down by now",
        operation("failed", entry("push_template"), run=RunFacts(error=Unavailable("nobody answers"))),
        *(Place.RUN, "NotAllowed", "Airflow could not be asked: nobody answers", True),
    ),
    (
        "a step was cut off",
        operation("failed", entry("push_template", status="running")),
        *(Place.RUN, "CutOff", "push_template was cut off", True),
    ),
    (
        "the wait timed out and Flux has caught up",
        operation(
            "failed", entry("wait_until_synced", "dev", reason="DeadlineExceeded", message="not in time")
        ),
        *(Place.RUN, "DeadlineExceeded", "not in time", True),
    ),
    (
        "the run is gone from Airflow",
        operation("running", run=RunFacts(gone=True)),
        *(Place.RUN, "CutOff", "Airflow has no such run", True),
    ),
    (
        "the run is gone and its lease still lives",
        operation("running", run=RunFacts(gone=True), held=True),
        *(Place.RUN, "CutOff", "Airflow has no such run", False),
    ),
    (
        "the run ended without closing its operation",
        operation("running", run=RunFacts(state="failed")),
        *(Place.RUN, "CutOff", "ended in Airflow as failed", True),
    ),
    (
        "the run stopped renewing its lease",
        operation("running", run=RunFacts(state="running")),
        *(Place.RUN, "CutOff", "stopped renewing its lease", True),
    ),
    (
        "the DAG is paused",
        operation("running", run=RunFacts(state="queued", paused=True), held=True),
        *(Place.RUN, "Paused", "initialize_project is paused", False),
    ),
    ("the repository is gone", repository(found=None), Place.REPOSITORY, "Missing", "no project 7", True),
    (
        "the repository is another's",
        of_all(recorded_repository(gitlab_id=None), repository(id=8, topics=())),
        *(Place.REPOSITORY, "Conflict", "was not made for this project", False),
    ),
    (
        "the repository has lost its marks",
        repository(topics=("other",)),
        *(Place.REPOSITORY, "MarksLost", "lost the topics", False),
    ),
    (
        "the repository is about to be deleted",
        repository(deletion_date="2026-02-01"),
        *(Place.REPOSITORY, "PendingDeletion", "2026-02-01", False),
    ),
    ("the repository was moved", repository(path="old/shop"), Place.REPOSITORY, "Moved", "old/shop", False),
    ("the repository is archived", repository(archived=True), Place.REPOSITORY, "Archived", "archived", True),
    (
        "the repository is in quarantine",
        of_all(repository(archived=True), recorded_repository(state=QUARANTINED)),
        *(Place.REPOSITORY, "Quarantined", "because its operation failed", True),
    ),
    (
        "the commit was forced away",
        of_all(environment(source=source(commit=NEWER)), gitlab(holds_commit=False)),
        *(Place.COMMIT, "CommitMissing", "does not hold commit aaaa", True),
    ),
    (
        "the template waits in a merge request",
        recorded_repository(state=APPLIED),
        *(Place.COMMIT, "MergeRequestOpen", "the files wait in !1", False),
    ),
    ("the namespace is gone", NOTHING, Place.NAMESPACE, "Missing", "Namespace project-shop-dev", True),
    (
        "the namespace is another's",
        environment(namespace=stuck.item("Namespace", stuck.SPACE, metadata=NO_LABELS)),
        *(Place.NAMESPACE, "Conflict", "was not made for this project", False),
    ),
    (
        "the namespace is being deleted",
        environment(namespace=stuck.item("Namespace", stuck.SPACE, metadata=DOOMED)),
        *(Place.NAMESPACE, "Terminating", "finalizers.fluxcd.io", True),
    ),
    (
        "the identity for Flux is gone",
        environment(missing_guardrails=("ServiceAccount/flux-reconciler",)),
        *(Place.NAMESPACE, "GuardrailsMissing", "ServiceAccount/flux-reconciler", True),
    ),
    (
        "the Secret is gone, and Flux fails for it",
        environment(secret=None, source=source(condition("Ready", "False", "AuthenticationFailed"))),
        *(Place.CREDENTIALS, "Missing", "Secret groundwork-git", True),
    ),
    ("the token was revoked", gitlab(tokens=()), Place.CREDENTIALS, "TokenInactive", "token 31", True),
    ("the source is gone", environment(source=None), Place.SOURCE, "Missing", "GitRepository shop", True),
    (
        "the source is suspended",
        environment(source=source(suspend=True)),
        Place.SOURCE,
        "Suspended",
        "",
        True,
    ),
    (
        "Flux cannot fetch",
        of_all(
            environment(source=source(condition("Ready", "False", "GitOperationFailed", "no route"))),
            gitlab(holds_commit=True),
        ),
        *(Place.SOURCE, "GitOperationFailed", "no route", False),
    ),
    (
        "Flux refuses the source",
        of_all(
            environment(source=source(condition("Stalled", "True", "URLInvalid", "bad url"))),
            gitlab(holds_commit=True),
        ),
        *(Place.SOURCE, "URLInvalid", "bad url", True),
    ),
    (
        "source-controller does not run",
        of_all(
            environment(source=stuck.item("GitRepository", "shop", status={}, **SILENT)),
            gitlab(holds_commit=True),
        ),
        *(Place.SOURCE, "ControllerSilent", "source-controller", False),
    ),
    (
        "the Kustomization is gone",
        environment(kustomization=None),
        *(Place.KUSTOMIZATION, "Missing", "Kustomization shop", True),
    ),
    (
        "the Kustomization is suspended by a person",
        environment(kustomization=kustomization(suspend=True)),
        *(Place.KUSTOMIZATION, "Suspended", "it is suspended", True),
    ),
    (
        "the Kustomization is another's",
        environment(kustomization=stuck.item("Kustomization", "shop", metadata=NO_LABELS)),
        *(Place.KUSTOMIZATION, "Conflict", "was not made for this project", False),
    ),
    (
        "the overlay cannot be built",
        environment(kustomization=kustomization(condition("Ready", "False", "BuildFailed", "no such file"))),
        *(Place.KUSTOMIZATION, "BuildFailed", "no such file", False),
    ),
    (
        "a manifest is refused",
        environment(
            kustomization=kustomization(condition("Ready", "False", "ReconciliationFailed", "exceeded quota"))
        ),
        *(Place.KUSTOMIZATION, "ReconciliationFailed", "exceeded quota", False),
    ),
    (
        "it is parked, and a newer commit is there",
        of_all(
            environment(
                source=source(commit=NEWER),
                kustomization=kustomization(
                    condition("Ready", "False", "BuildFailed", "no such file"),
                    parked="BuildFailed",
                    suspend=True,
                ),
            ),
            gitlab(holds_commit=True),
        ),
        *(Place.KUSTOMIZATION, "ParkedBuildFailed", "the branch has bbbb", True),
    ),
    (
        "it is parked for a content that is still there",
        environment(
            kustomization=kustomization(
                condition("Ready", "False", "BuildFailed", "no such file"), parked="BuildFailed", suspend=True
            )
        ),
        *(Place.KUSTOMIZATION, "ParkedBuildFailed", "parked: no such file", False),
    ),
    (
        "kustomize-controller does not run",
        environment(kustomization=stuck.item("Kustomization", "shop", status={}, **SILENT)),
        *(Place.KUSTOMIZATION, "ControllerSilent", "kustomize-controller", False),
    ),
    (
        "the health check fails and nothing in the namespace tells why",
        unhealthy(),
        *(Place.KUSTOMIZATION, "HealthCheckFailed", "timeout waiting", False),
    ),
    (
        "the image cannot be pulled",
        unhealthy(pod(container("ImagePullBackOff", "Back-off pulling image"))),
        *(Place.WORKLOAD, "ImagePullBackOff", "container web: Back-off pulling image", False),
    ),
    (
        "the container crashes, and it is parked for it",
        unhealthy(pod(container("CrashLoopBackOff", "back-off", reason="Error", exitCode=1)), parked=True),
        *(Place.WORKLOAD, "CrashLoopBackOff", "exit code 1", False),
    ),
    (
        "the container needs more memory",
        unhealthy(pod(container("CrashLoopBackOff", "back-off", reason="OOMKilled", exitCode=137))),
        *(Place.WORKLOAD, "OOMKilled", "exit code 137", False),
    ),
    (
        "a setting of the container is missing",
        unhealthy(pod(container("CreateContainerConfigError", 'secret "x" not found'))),
        *(Place.WORKLOAD, "CreateContainerConfigError", "not found", False),
    ),
    (
        "no node takes the pod",
        unhealthy(pod(conditions=[condition("PodScheduled", "False", "Unschedulable", "0/2 nodes")])),
        *(Place.WORKLOAD, "Unschedulable", "0/2 nodes", False),
    ),
    (
        "the quota refuses the pods",
        unhealthy(
            controllers=(deployment(condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")),)
        ),
        *(Place.WORKLOAD, "FailedCreate", "exceeded quota", False),
    ),
    (
        "a job has failed",
        unhealthy(
            controllers=(
                stuck.item(
                    "Job",
                    "migrate",
                    status={"conditions": [condition("Failed", "True", "BackoffLimitExceeded")]},
                ),
            )
        ),
        *(Place.WORKLOAD, "BackoffLimitExceeded", "said", False),
    ),
    (
        "a volume cannot be mounted",
        unhealthy(pod(), warnings=(warning("FailedMount", message='configmap "x" not found'),)),
        *(Place.WORKLOAD, "FailedMount", "not found", False),
    ),
    (
        "a probe fails",
        unhealthy(
            pod(phase="Running"), controllers=(deployment(),), warnings=(warning("Unhealthy", message="503"),)
        ),
        *(Place.WORKLOAD, "Unhealthy", "503", False),
    ),
    (
        "the rollout is over time",
        unhealthy(
            controllers=(deployment(condition("Progressing", "False", "ProgressDeadlineExceeded"), ready=1),)
        ),
        *(Place.WORKLOAD, "ProgressDeadlineExceeded", "1 of 2 are ready", False),
    ),
    (
        "a run that succeeded has left something unmade",
        of_all(unmade(Kind.KUSTOMIZATION), environment(kustomization=None)),
        *(Place.KUSTOMIZATION, "NotMade", "has not been created", True),
    ),
]
GONE = Unavailable("GitLab does not answer")
UNKNOWN: list[tuple[str, Break, Place]] = [
    ("GitLab is down", gitlab(error=GONE), Place.REPOSITORY),
    ("the cluster is down", environment(error=Unavailable("the cluster does not answer")), Place.NAMESPACE),
    ("Airflow is down", operation("running", run=RunFacts(error=Unavailable("no answer"))), Place.RUN),
    ("the cluster refuses us", environment(error=NotAllowed("forbidden")), Place.NAMESPACE),
]
WAITING: list[tuple[str, Break, Place, str]] = [
    (
        "a task is tried again",
        of_all(
            operation(
                "running",
                entry("create_repository", reason="Unavailable", message="GitLab answered 502"),
                run=RunFacts(state="running", tasks=(RETRYING,)),
                held=True,
            ),
            NO_REPOSITORY,
            NOTHING_MADE,
        ),
        *(Place.RUN, "create_repository is up_for_retry, try 3, last: Unavailable: GitLab answered 502"),
    ),
    (
        "Flux is at work",
        environment(
            kustomization=kustomization(condition("Ready", "Unknown", "Progressing", "running checks"))
        ),
        *(Place.KUSTOMIZATION, "running checks"),
    ),
    ("there is no Airflow to ask", operation("running", held=True), Place.RUN, "is at work"),
]


def found(facts: ProjectFacts) -> Chain:
    (chain,) = diagnosis(facts, NOW, every=False).chains
    return chain


@pytest.mark.parametrize(
    ("broken", "place", "reason", "message", "repairable"),
    [case[1:] for case in BROKEN],
    ids=[case[0] for case in BROKEN],
)
def test_the_first_broken_link_is_found(
    broken: Break, place: Place, reason: str, message: str, repairable: bool
) -> None:
    facts = broken(stuck.stuck())
    cause = found(facts).cause

    assert cause is not None
    assert (cause.place, cause.state, cause.reason, cause.repairable) == (
        place,
        State.BROKEN,
        reason,
        repairable,
    )
    assert message in cause.message
    assert cause.remedy
    assert diagnosis(facts, NOW, every=False).state is State.BROKEN


@pytest.mark.parametrize(
    ("broken", "place"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN]
)
def test_what_cannot_be_looked_at_is_not_called_broken(broken: Break, place: Place) -> None:
    facts = broken(stuck.stuck())
    cause = found(facts).cause

    assert cause is not None
    assert (cause.place, cause.state) == (place, State.UNKNOWN)
    assert diagnosis(facts, NOW, every=False).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("broken", "place", "message"), [case[1:] for case in WAITING], ids=[case[0] for case in WAITING]
)
def test_what_somebody_is_still_at_is_waited_for(broken: Break, place: Place, message: str) -> None:
    facts = broken(stuck.stuck())
    cause = found(facts).cause

    assert cause is not None
    assert (cause.place, cause.state) == (place, State.WAITING)
    assert message in cause.message
    assert diagnosis(facts, NOW, every=False).state is State.WAITING
    assert not diagnosis(facts, NOW, every=False).repairable


def test_a_run_that_failed_for_the_workload_is_only_affected() -> None:
    failed = entry("wait_until_synced", "dev", reason="HealthCheckFailed", message="timeout")
    broken = of_all(operation("failed", failed), unhealthy(pod(container("ImagePullBackOff"))))

    chain = found(broken(stuck.stuck()))
    states = {link.place: link.state for link in chain.links}

    assert chain.cause is not None
    assert chain.cause.place is Place.WORKLOAD
    assert states[Place.RUN] is states[Place.RECORD] is states[Place.KUSTOMIZATION] is State.AFFECTED


def test_links_are_told_in_the_order_in_which_they_depend_on_each_other() -> None:
    assert [link.place for link in found(stuck.stuck()).links] == list(Place)


@pytest.mark.parametrize(
    "broken", [lambda facts: facts, operation("failed", entry("rotate_credentials", "dev"))]
)
def test_a_project_that_is_synced_and_whole_has_no_cause(broken: Break) -> None:
    """Also not where what was last done to it failed: that is told, but keeps nothing from being synced."""
    facts = broken(stuck.stuck())
    ((item, resources),) = facts.case.environments
    case = replace(
        facts.case,
        project=replace(facts.case.project, state=stuck.SYNCED),
        environments=((replace(item, state=stuck.SYNCED), resources),),
    )

    whole = diagnosis(replace(facts, case=case), NOW, every=True)

    assert [chain.cause for chain in whole.chains] == [None]
    assert whole.state is State.OK


def test_a_project_that_is_being_removed_is_not_run_again() -> None:
    decommission = operation("failed", entry("remove_namespace"), kind=OperationKind.DECOMMISSION)
    facts = decommission(stuck.stuck())
    going = Observation(Status.REMOVING, "Removing", "dev: goes")
    case = replace(facts.case, project=replace(facts.case.project, state=going))

    removed = diagnosis(replace(facts, case=case), NOW, every=True)

    assert [link.place for link in removed.chains[0].links] == [Place.RECORD, Place.RUN]
    assert removed.chains[0].links[1].remedy.startswith("clear its failed task")
    assert not removed.repairable


def test_alike_pods_are_counted_and_not_listed() -> None:
    pods = [
        stuck.item("Pod", f"web-{number}", status=pod(container("ErrImagePull"))["status"])
        for number in range(3)
    ]

    cause = found(unhealthy(*pods)(stuck.stuck())).cause

    assert cause is not None
    assert cause.message.endswith("(2 more likewise)")
