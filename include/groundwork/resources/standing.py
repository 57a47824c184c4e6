"""How does an environment stand in Flux, whatever commit it has? Pure, over the two Flux objects.

`verdict` waits for one commit that was just pushed; this one looks at an environment that people have been
pushing to since. What Flux is working on stays as it was last seen: `None` says so. A failure counts at once,
because the next look takes it back. Source: Flux API docs, GitRepository and Kustomization v1 "Status".
"""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.model.entities import Observation
from groundwork.model.statuses import Reason, Status
from groundwork.resources.conditions import (
    PATH_NOT_FOUND,
    Object,
    artifact_commit,
    commit_of,
    condition,
    generation_of,
    is_current,
    said,
    status_of,
)

# Flux goes on by itself after these, without anything having to change.
_PASSING = frozenset(
    {"Progressing", "ProgressingWithRetry", "DependencyNotReady", "HealthCheckCanceled", "ArtifactFailed"}
)
_REFUSALS = (
    "authentication required",
    "authorization failed",
    "authentication failed",
    "access denied",
    "invalid credentials",
)


@dataclass(frozen=True)
class Progress:
    """Flux is working on it; `message` says at what."""

    message: str


def source_standing(git_repository: Object) -> Observation | Progress:
    """How a GitRepository stands: its commit is fetched, or Flux says why not."""
    return _failure(git_repository) or _fetched(git_repository)


def applied_standing(kustomization: Object, fetched: str | None) -> Observation | Progress:
    """How a Kustomization stands; `fetched` is the commit its source has, if that is known."""
    return _failure(kustomization) or _applied(kustomization, fetched)


def is_refused(git_repository: Object) -> bool:
    """Whether GitLab does not accept the credentials of a GitRepository."""
    ready = condition(git_repository, "Ready")
    if ready.get("status") != "False" or not is_current(git_repository, ready):
        return False
    return ready.get("reason") == "AuthenticationFailed" or any(
        sign in said(ready).lower() for sign in _REFUSALS
    )


def _failure(item: Object) -> Observation | None:
    stalled = condition(item, "Stalled")
    if stalled.get("status") == "True" and is_current(item, stalled):
        return _failed(stalled, "Stalled")
    ready = condition(item, "Ready")
    if ready.get("status") != "False" or not is_current(item, ready):
        return None
    if ready.get("reason") in _PASSING and PATH_NOT_FOUND not in said(ready):
        return None
    return _failed(ready, "Failed")


def _failed(told: Object, reason: str) -> Observation:
    return Observation(Status.FAILED, told.get("reason") or reason, said(told) or "Flux says no more")


def _fetched(git_repository: Object) -> Observation | Progress:
    ready, commit = condition(git_repository, "Ready"), artifact_commit(git_repository)
    if ready.get("status") == "True" and is_current(git_repository, ready) and commit:
        return Observation(Status.SYNCED, Reason.OBSERVED, revision=commit)
    return Progress(said(ready) or "Flux has not begun to fetch it")


def _applied(kustomization: Object, fetched: str | None) -> Observation | Progress:
    ready, status = condition(kustomization, "Ready"), status_of(kustomization)
    commit = commit_of(status.get("lastAppliedRevision"))
    observed = status.get("observedGeneration") == generation_of(kustomization)
    if not (ready.get("status") == "True" and observed and commit):
        working = condition(kustomization, "Reconciling") or ready
        return Progress(said(working) or "Flux has not begun to apply it")
    if kustomization.get("spec", {}).get("wait"):
        healthy = condition(kustomization, "Healthy")
        if healthy.get("status") != "True":
            return Progress(said(healthy) or "Flux has not found the workload healthy yet")
    if fetched is not None and fetched != commit:
        return Progress(f"Flux has fetched {fetched[:12]} and has yet to apply it")
    return Observation(Status.SYNCED, Reason.OBSERVED, revision=commit)
