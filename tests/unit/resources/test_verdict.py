"""The rule "when is an environment synced", case by case, from the status algebra of Flux 2.9."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.resources.conditions import commit_of
from groundwork.resources.verdict import (
    Expectation,
    Lineage,
    Outcome,
    failed_attempts,
    verdict,
)

OURS, OTHER = "a" * 40, "b" * 40
TOKEN = "operation-1"
EXPECTED = Expectation(OURS, TOKEN)

Object = dict[str, Any]


def condition(
    kind: str, status: str, reason: str = "Reason", message: str = "said", generation: int = 1
) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
    }


def source(
    *conditions: Object,
    commit: str | None = OURS,
    suspend: bool = False,
    generation: int = 1,
    asked: str | None = None,
    handled: str | None = None,
) -> Object:
    status: Object = {"conditions": list(conditions or (condition("Ready", "True", "Succeeded"),))}
    if handled:
        status["lastHandledReconcileAt"] = handled
    if commit:
        status["artifact"] = {"revision": f"main@sha1:{commit}"}
    return {
        "kind": "GitRepository",
        "metadata": {
            "generation": generation,
            "annotations": {"reconcile.fluxcd.io/requestedAt": asked} if asked else None,
        },
        "spec": {"suspend": suspend},
        "status": status,
    }


def kustomization(
    *conditions: Object,
    applied: str | None = OURS,
    attempted: str | None = OURS,
    observed: int | None = 1,
    generation: int = 1,
    handled: str = TOKEN,
    suspend: bool = False,
    wait: bool = True,
    history: list[Object] | None = None,
) -> Object:
    ready = (condition("Ready", "True", "ReconciliationSucceeded"), condition("Healthy", "True", "Succeeded"))
    status: Object = {"conditions": list(conditions or ready), "lastHandledReconcileAt": handled}
    if applied:
        status["lastAppliedRevision"] = f"main@sha1:{applied}"
    if attempted:
        status["lastAttemptedRevision"] = f"main@sha1:{attempted}"
    if observed is not None:
        status["observedGeneration"] = observed
    if history:
        status["history"] = history
    return {
        "kind": "Kustomization",
        "metadata": {"generation": generation},
        "spec": {"suspend": suspend, "wait": wait},
        "status": status,
    }


def failed(reason: str, message: str = "said", generation: int = 1) -> tuple[Object, Object]:
    return (
        condition("Ready", "False", reason, message, generation),
        condition("Reconciling", "True", "ProgressingWithRetry", generation=generation),
    )


def attempts(status: str, total: int, commit: str = OURS) -> list[Object]:
    return [
        {
            "lastReconciledStatus": status,
            "totalReconciliations": total,
            "metadata": {"revision": f"main@sha1:{commit}"},
        }
    ]


BUSY = condition("Ready", "Unknown", "Progressing")
UNSTARTED: Object = {"kind": "Kustomization", "metadata": {"generation": 1}, "spec": {"wait": True}}
BARE_SOURCE: Object = {"kind": "GitRepository", "metadata": {"generation": 1}, "spec": {}}

CASES: list[tuple[str, Object | None, Object | None, Expectation, Outcome, str]] = [
    ("both as they should be", source(), kustomization(), EXPECTED, Outcome.SYNCED, "Synced"),
    ("no GitRepository", None, kustomization(), EXPECTED, Outcome.WAITING, "SourceMissing"),
    ("no Kustomization", source(), None, EXPECTED, Outcome.WAITING, "KustomizationMissing"),
    (
        "GitRepository without status",
        BARE_SOURCE,
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "SourceProgressing",
    ),
    (
        "GitRepository Ready for an older generation",
        source(condition("Ready", "True", generation=1), generation=2),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "SourceProgressing",
    ),
    (
        "GitRepository Ready without an artifact",
        source(commit=None),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "SourceProgressing",
    ),
    (
        "GitRepository cannot fetch: the controller goes on trying",
        source(condition("Ready", "False", "GitOperationFailed")),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "GitOperationFailed",
    ),
    (
        "GitRepository lacks credentials",
        source(condition("Ready", "False", "AuthenticationFailed")),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "AuthenticationFailed",
    ),
    (
        "GitRepository stalled",
        source(condition("Ready", "False", "URLInvalid"), condition("Stalled", "True", "URLInvalid")),
        kustomization(),
        EXPECTED,
        Outcome.STALLED,
        "URLInvalid",
    ),
    (
        "GitRepository stalled in an older generation",
        source(condition("Stalled", "True", "URLInvalid", generation=1), BUSY, generation=2),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "SourceProgressing",
    ),
    (
        "GitRepository suspended",
        source(suspend=True),
        kustomization(),
        EXPECTED,
        Outcome.WAITING,
        "Suspended",
    ),
    (
        "Kustomization suspended",
        source(),
        kustomization(suspend=True),
        EXPECTED,
        Outcome.WAITING,
        "Suspended",
    ),
    (
        "artifact is another commit nobody has looked up",
        source(commit=OTHER),
        kustomization(applied=OTHER),
        EXPECTED,
        Outcome.WAITING,
        "OtherRevision",
    ),
    (
        "artifact is an older commit, applied and Ready",
        source(commit=OTHER),
        kustomization(applied=OTHER),
        Expectation(OURS, TOKEN, lineage={OTHER: Lineage.ANCESTOR}),
        Outcome.WAITING,
        "OlderRevision",
    ),
    (
        "artifact is a descendant and applied",
        source(commit=OTHER),
        kustomization(applied=OTHER),
        Expectation(OURS, TOKEN, lineage={OTHER: Lineage.DESCENDANT}),
        Outcome.SYNCED,
        "Synced",
    ),
    (
        "artifact is a descendant, ours still applied",
        source(commit=OTHER),
        kustomization(applied=OURS),
        Expectation(OURS, TOKEN, lineage={OTHER: Lineage.DESCENDANT}),
        Outcome.WAITING,
        "NotApplied",
    ),
    (
        "branch was rewritten",
        source(commit=OTHER),
        kustomization(applied=OTHER),
        Expectation(OURS, TOKEN, lineage={OTHER: Lineage.UNRELATED}),
        Outcome.SUPERSEDED,
        "Superseded",
    ),
    (
        "Ready of an older revision",
        source(),
        kustomization(applied=OTHER),
        EXPECTED,
        Outcome.WAITING,
        "NotApplied",
    ),
    (
        "Ready without lastAppliedRevision",
        source(),
        kustomization(applied=None),
        EXPECTED,
        Outcome.WAITING,
        "NotApplied",
    ),
    (
        "only attempted, not applied",
        source(),
        kustomization(BUSY, applied=None, attempted=OURS, observed=None),
        EXPECTED,
        Outcome.WAITING,
        "Progressing",
    ),
    (
        "Ready of an older generation",
        source(),
        kustomization(observed=1, generation=2),
        EXPECTED,
        Outcome.WAITING,
        "Progressing",
    ),
    (
        "Ready without observedGeneration",
        source(),
        kustomization(observed=None),
        EXPECTED,
        Outcome.WAITING,
        "Progressing",
    ),
    ("controller has not begun", source(), UNSTARTED, EXPECTED, Outcome.WAITING, "ControllerBusy"),
    (
        "Ready but not Healthy",
        source(),
        kustomization(condition("Ready", "True"), condition("Healthy", "Unknown")),
        EXPECTED,
        Outcome.WAITING,
        "NotHealthy",
    ),
    (
        "Ready without Healthy, which nobody asked for",
        source(),
        kustomization(condition("Ready", "True"), wait=False),
        EXPECTED,
        Outcome.SYNCED,
        "Synced",
    ),
    (
        "stalled though the generation was never observed",
        source(),
        kustomization(
            condition("Ready", "False", "AccessDenied", generation=2),
            condition("Stalled", "True", "AccessDenied", generation=2),
            observed=1,
            generation=2,
        ),
        EXPECTED,
        Outcome.STALLED,
        "AccessDenied",
    ),
    (
        "invalid health expression",
        source(),
        kustomization(condition("Stalled", "True", "InvalidCELExpression")),
        EXPECTED,
        Outcome.STALLED,
        "InvalidCELExpression",
    ),
    (
        "build failed",
        source(),
        kustomization(*failed("BuildFailed")),
        EXPECTED,
        Outcome.FAILED,
        "BuildFailed",
    ),
    (
        "build failed on what Flux had, before it fetched the commit that mends it",
        source(asked="operation-2", handled="operation-1"),
        kustomization(*failed("BuildFailed")),
        EXPECTED,
        Outcome.WAITING,
        "SourceProgressing",
    ),
    (
        "build failed and there is nothing newer to fetch",
        source(asked="operation-2", handled="operation-2"),
        kustomization(*failed("BuildFailed")),
        EXPECTED,
        Outcome.FAILED,
        "BuildFailed",
    ),
    (
        "build failed before our request was looked at",
        source(),
        kustomization(*failed("BuildFailed"), handled="operation-0"),
        EXPECTED,
        Outcome.WAITING,
        "NotHandled",
    ),
    (
        "build failed on another commit",
        source(),
        kustomization(*failed("BuildFailed"), attempted=OTHER),
        EXPECTED,
        Outcome.WAITING,
        "BuildFailed",
    ),
    (
        "build of an older generation failed",
        source(),
        kustomization(*failed("BuildFailed", generation=1), generation=2),
        EXPECTED,
        Outcome.WAITING,
        "Progressing",
    ),
    (
        "the overlay is not in the repository",
        source(),
        kustomization(
            *failed("ArtifactFailed", "kustomization path not found: stat /deploy"), attempted=None
        ),
        EXPECTED,
        Outcome.FAILED,
        "ArtifactFailed",
    ),
    (
        "no artifact yet",
        source(),
        kustomization(
            *failed("ArtifactFailed", "Source artifact not found, retrying in 30s"), attempted=None
        ),
        EXPECTED,
        Outcome.WAITING,
        "ArtifactFailed",
    ),
    (
        "apply failed once",
        source(),
        kustomization(*failed("ReconciliationFailed"), history=attempts("ReconciliationFailed", 1)),
        EXPECTED,
        Outcome.WAITING,
        "ReconciliationFailed",
    ),
    (
        "apply failed again",
        source(),
        kustomization(*failed("ReconciliationFailed"), history=attempts("ReconciliationFailed", 2)),
        EXPECTED,
        Outcome.FAILED,
        "ReconciliationFailed",
    ),
    (
        "apply failed again, but before this wait",
        source(),
        kustomization(*failed("ReconciliationFailed"), history=attempts("ReconciliationFailed", 3)),
        Expectation(OURS, TOKEN, attempts_before=2),
        Outcome.WAITING,
        "ReconciliationFailed",
    ),
    (
        "apply failed on other commits only",
        source(),
        kustomization(*failed("ReconciliationFailed"), history=attempts("ReconciliationFailed", 9, OTHER)),
        EXPECTED,
        Outcome.WAITING,
        "ReconciliationFailed",
    ),
    (
        "unhealthy twice",
        source(),
        kustomization(*failed("HealthCheckFailed"), applied=None, history=attempts("HealthCheckFailed", 2)),
        EXPECTED,
        Outcome.WAITING,
        "HealthCheckFailed",
    ),
    (
        "unhealthy three times",
        source(),
        kustomization(*failed("HealthCheckFailed"), applied=None, history=attempts("HealthCheckFailed", 3)),
        EXPECTED,
        Outcome.FAILED,
        "HealthCheckFailed",
    ),
    (
        "waits for another Kustomization",
        source(),
        kustomization(*failed("DependencyNotReady")),
        EXPECTED,
        Outcome.WAITING,
        "DependencyNotReady",
    ),
    (
        "trying again after a failure",
        source(),
        kustomization(
            BUSY, condition("Reconciling", "True"), history=attempts("HealthCheckFailed", 3), observed=None
        ),
        EXPECTED,
        Outcome.WAITING,
        "Progressing",
    ),
]


@pytest.mark.parametrize(
    ("git_repository", "kustomized", "expected", "outcome", "reason"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_verdict(
    git_repository: Object | None,
    kustomized: Object | None,
    expected: Expectation,
    outcome: Outcome,
    reason: str,
) -> None:
    found = verdict(git_repository, kustomized, expected)
    assert (found.outcome, found.reason) == (outcome, reason)


def test_failure_carries_the_message_of_flux() -> None:
    found = verdict(
        source(), kustomization(*failed("BuildFailed", "kustomize build failed: oh no")), EXPECTED
    )
    assert "kustomize build failed: oh no" in found.message


def test_synced_names_the_commit_that_was_applied() -> None:
    lineage = {OTHER: Lineage.DESCENDANT}
    found = verdict(
        source(commit=OTHER), kustomization(applied=OTHER), Expectation(OURS, TOKEN, lineage=lineage)
    )
    assert found.revision == OTHER


def test_an_unknown_commit_is_named_for_looking_up() -> None:
    assert verdict(source(commit=OTHER), kustomization(), EXPECTED).unknown_revision == OTHER


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        (f"main@sha1:{OURS}", OURS),
        (f"sha1:{OURS}", OURS),
        (OURS, OURS),
        (f"v1@{OURS}", OURS),
        ("", None),
        (None, None),
    ],
)
def test_commit_of(revision: str | None, commit: str | None) -> None:
    assert commit_of(revision) == commit


def test_attempts_add_up_over_digests_and_leave_successes_out() -> None:
    history = [
        *attempts("HealthCheckFailed", 2),
        *attempts("ReconciliationFailed", 1),
        *attempts("ReconciliationSucceeded", 5),
        {"lastReconciledStatus": "HealthCheckFailed"},
    ]
    assert failed_attempts(kustomization(history=history), OURS) == 3


field = st.sampled_from(["True", "False", "Unknown", None])


@given(
    ready=field,
    healthy=field,
    generation=st.integers(1, 3),
    observed=st.none() | st.integers(1, 3),
    applied=st.sampled_from([OURS, OTHER, None]),
    commit=st.sampled_from([OURS, OTHER, None]),
    suspend=st.booleans(),
)
def test_synced_is_never_said_of_anything_less(
    ready: str | None,
    healthy: str | None,
    generation: int,
    observed: int | None,
    applied: str | None,
    commit: str | None,
    suspend: bool,
) -> None:
    conditions = [
        condition(kind, status, generation=generation)
        for kind, status in (("Ready", ready), ("Healthy", healthy))
        if status
    ]
    found = verdict(
        source(commit=commit),
        kustomization(
            *conditions, applied=applied, observed=observed, generation=generation, suspend=suspend
        ),
        EXPECTED,
    )
    whole = (
        ready == healthy == "True" and observed == generation and applied == commit == OURS and not suspend
    )
    # Without conditions the helper fills in a healthy status.
    if conditions:
        assert (found.outcome is Outcome.SYNCED) == whole
