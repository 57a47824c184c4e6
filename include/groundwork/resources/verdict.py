"""When is an environment synced? The rule, as one pure function over the two Flux objects.

Read together, for the commit that was pushed:
 1. the GitRepository is not suspended, `Ready=True` for its present generation, and its artifact is our
    commit or a descendant of it;
 2. the Kustomization is not suspended, has observed its present generation, is `Ready=True` (and
    `Healthy=True` where it waits for health), and has applied exactly that artifact.

Sources: Flux API docs, Kustomization and GitRepository v1 "Status"; kustomize-controller marks failures
without advancing `observedGeneration`, so `Stalled` is looked at before the generation rule, and no field of
a status may be taken for granted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from groundwork.resources.conditions import (
    PATH_NOT_FOUND,
    REQUESTED_AT,
    Object,
    artifact_commit,
    commit_of,
    condition,
    generation_of,
    is_current,
    said,
    status_of,
)

# Failures that repeat for the same content; each may be a race with rights or CRDs just made, so it is
# believed only when seen again.
_REPEATING = frozenset({"ReconciliationFailed", "PruneFailed"})
_FAILED_STATUSES = _REPEATING | {"HealthCheckFailed"}


GIT_REPOSITORY, KUSTOMIZATION = "GitRepository", "Kustomization"


class Outcome(StrEnum):
    """`stalled`: the spec must change; `failed`: the content or the workload is at fault."""

    WAITING = "waiting"
    SYNCED = "synced"
    FAILED = "failed"
    STALLED = "stalled"
    SUPERSEDED = "superseded"


class Lineage(StrEnum):
    """How a commit stands to the one that was pushed."""

    DESCENDANT = "descendant"
    ANCESTOR = "ancestor"
    UNRELATED = "unrelated"


@dataclass(frozen=True)
class Expectation:
    """What the waiter waits for.

    `revision` is the pushed commit id. `requested_at` is the token Flux was asked to look with: a failure
    counts only once Flux has answered it. `attempts_before` failed attempts were there when the wait began.
    `lineage` holds what is known of other commits; an unknown one is asked for by the verdict.
    """

    revision: str
    requested_at: str
    attempts_before: int = 0
    max_apply_attempts: int = 2
    max_health_attempts: int = 3
    lineage: Mapping[str, Lineage] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """`kind` is the Flux kind whose state decided; `revision` is the commit this is said of, and
    `unknown_revision` one whose lineage must be looked up."""

    outcome: Outcome
    reason: str
    message: str
    kind: str = KUSTOMIZATION
    revision: str | None = None
    unknown_revision: str | None = None

    @property
    def final(self) -> bool:
        return self.outcome is not Outcome.WAITING

    def __str__(self) -> str:
        return f"{self.kind} {self.reason}: {self.message}"


def verdict(git_repository: Object | None, kustomization: Object | None, expected: Expectation) -> Verdict:
    """Decide from one reading of both objects. None means the object was not there."""
    if git_repository is None:
        return _waiting("SourceMissing", "the GitRepository is not there yet", GIT_REPOSITORY)
    if kustomization is None:
        return _waiting("KustomizationMissing", "the Kustomization is not there yet")
    return (
        _suspended(git_repository, kustomization)
        or _stalled(git_repository)
        or _stalled(kustomization)
        or _source(git_repository, expected)
        or _revision(git_repository, expected)
        or _applied(git_repository, kustomization, expected)
    )


def failed_attempts(kustomization: Object | None, revision: str) -> int:
    """How often Flux has failed on this commit, as far as its history tells."""
    history = status_of(kustomization or {}).get("history") or []
    return sum(
        int(entry.get("totalReconciliations") or 0)
        for entry in history
        if entry.get("lastReconciledStatus") in _FAILED_STATUSES
        and commit_of((entry.get("metadata") or {}).get("revision")) == revision
    )


def _suspended(git_repository: Object, kustomization: Object) -> Verdict | None:
    for item in (git_repository, kustomization):
        if item.get("spec", {}).get("suspend"):
            kind = item["kind"]
            return _waiting("Suspended", f"somebody has suspended the {kind}; resume it to go on", kind)
    return None


def _stalled(item: Object) -> Verdict | None:
    stalled = condition(item, "Stalled")
    if stalled.get("status") != "True" or not is_current(item, stalled):
        return None
    reason = stalled.get("reason") or "Stalled"
    return Verdict(Outcome.STALLED, reason, said(stalled), item["kind"])


def _source(git_repository: Object, expected: Expectation) -> Verdict | None:
    ready = condition(git_repository, "Ready")
    if ready.get("status") == "True" and is_current(git_repository, ready):
        return None
    if ready.get("status") == "False" and is_current(git_repository, ready):
        reason = ready.get("reason") or "SourceFailed"
        return _waiting(reason, said(ready), GIT_REPOSITORY)
    return _waiting("SourceProgressing", f"Flux has not fetched {expected.revision[:12]} yet", GIT_REPOSITORY)


def _revision(git_repository: Object, expected: Expectation) -> Verdict | None:
    found = artifact_commit(git_repository)
    if found is None:
        return _waiting("SourceProgressing", "Flux has no artifact of the repository yet", GIT_REPOSITORY)
    if found == expected.revision:
        return None
    match expected.lineage.get(found):
        case Lineage.DESCENDANT:
            return None
        case Lineage.ANCESTOR:
            return _waiting("OlderRevision", f"Flux still has the older commit {found[:12]}", GIT_REPOSITORY)
        case Lineage.UNRELATED:
            message = f"the branch now holds {found[:12]}, which does not contain {expected.revision[:12]}"
            return Verdict(Outcome.SUPERSEDED, "Superseded", message, GIT_REPOSITORY, found)
    message = f"Flux has commit {found[:12]}; whether it contains {expected.revision[:12]} is looked up"
    return Verdict(Outcome.WAITING, "OtherRevision", message, GIT_REPOSITORY, unknown_revision=found)


def _applied(git_repository: Object, kustomization: Object, expected: Expectation) -> Verdict:
    commit = artifact_commit(git_repository)
    ready = condition(kustomization, "Ready")
    if ready.get("status") == "False" and is_current(kustomization, ready):
        return _unfetched(git_repository) or _failure(kustomization, ready, str(commit), expected)
    status = status_of(kustomization)
    if status.get("observedGeneration") != generation_of(kustomization) or ready.get("status") != "True":
        return _progress(kustomization)
    if commit_of(status.get("lastAppliedRevision")) != commit:
        return _waiting("NotApplied", f"Flux has not applied {str(commit)[:12]} yet")
    if (
        kustomization.get("spec", {}).get("wait")
        and condition(kustomization, "Healthy").get("status") != "True"
    ):
        return _waiting("NotHealthy", "Flux has not found the workload healthy yet")
    return Verdict(Outcome.SYNCED, "Synced", f"Flux has applied {str(commit)[:12]}", revision=commit)


def _unfetched(git_repository: Object) -> Verdict | None:
    """While Flux has yet to fetch what it was asked to, a failure may be that of a commit just mended."""
    asked = (git_repository["metadata"].get("annotations") or {}).get(REQUESTED_AT)
    if asked is None or asked == status_of(git_repository).get("lastHandledReconcileAt"):
        return None
    return _waiting("SourceProgressing", "Flux has not fetched the newest commit yet", GIT_REPOSITORY)


def _failure(kustomization: Object, ready: Object, commit: str, expected: Expectation) -> Verdict:
    reason, message = ready.get("reason") or "Failed", said(ready)
    attempted = commit_of(status_of(kustomization).get("lastAttemptedRevision"))
    if status_of(kustomization).get("lastHandledReconcileAt") != expected.requested_at:
        return _waiting("NotHandled", "Flux has not looked at this request yet")
    if reason == "ArtifactFailed" and PATH_NOT_FOUND in message:
        return Verdict(Outcome.FAILED, reason, message, revision=commit)
    if attempted != commit:
        return _waiting(reason, message)
    # A build has the same input every time (remote bases are off), so one failure tells.
    if reason == "BuildFailed":
        return Verdict(Outcome.FAILED, reason, message, revision=commit)
    limit = expected.max_apply_attempts if reason in _REPEATING else expected.max_health_attempts
    attempts = failed_attempts(kustomization, commit) - expected.attempts_before
    if reason in _FAILED_STATUSES and attempts >= limit:
        return Verdict(Outcome.FAILED, reason, message, revision=commit)
    return _waiting(reason, message)


def _progress(kustomization: Object) -> Verdict:
    if not status_of(kustomization).get("conditions"):
        return _waiting("ControllerBusy", "Flux's kustomize-controller has not started on it yet")
    reconciling = condition(kustomization, "Reconciling") or condition(kustomization, "Ready")
    return _waiting("Progressing", reconciling.get("message") or "Flux is working on it")


def _waiting(reason: str, message: str, kind: str = KUSTOMIZATION) -> Verdict:
    return Verdict(Outcome.WAITING, reason, message, kind)
