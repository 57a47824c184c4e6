"""What to do about each reason something failed for. Pure."""

from __future__ import annotations

from dataclasses import dataclass

AGAIN = "run the project again (`groundwork diagnose --fix` does)"


@dataclass(frozen=True)
class Advice:
    """`repairable` is whether running the project again may help before anybody has changed anything."""

    remedy: str
    repairable: bool = False


_RUN = {
    "InvalidRequest": Advice("correct the request and send it again"),
    "PreflightFailed": Advice(f"remove each obstacle of the message, then {AGAIN}", True),
    "Conflict": Advice("choose another name, or remove what has taken it, then run the project again"),
    "NotAllowed": Advice(f"give the token or user the right the message names, then {AGAIN}", True),
    "NotFound": Advice(AGAIN, True),
    "Rejected": Advice("correct the request, or the policy of the system that refused it"),
    "Misconfigured": Advice(f"correct what the message names, then {AGAIN}", True),
    "InternalError": Advice("read the task's log: this is a fault of Groundwork; then run the project again"),
    "SyncFailed": Advice(f"see what is said of its environments; then {AGAIN}", True),
}
_RUN_AGAIN = Advice(AGAIN, True)

_SOURCE = {
    "AuthenticationFailed": Advice(f"the credentials are not what GitLab expects: {AGAIN}", True),
    "GitOperationFailed": Advice(
        "look whether the cluster reaches GitLab, and whether the branch is there; Flux tries again by itself"
    ),
}
_SOURCE_REFUSED = Advice(f"Flux refuses the object as it is; {AGAIN}, which puts it back", True)

_KUSTOMIZATION = {
    "BuildFailed": Advice("correct the overlay in the repository, then run the project again"),
    "ReconciliationFailed": Advice(
        "correct the manifest in the repository, or the quota or policy that refuses it, then run the"
        " project again"
    ),
    "PruneFailed": Advice("look at what cannot be deleted, then run the project again"),
    "HealthCheckFailed": Advice("look at the namespace's pods, then run the project again"),
    "ArtifactFailed": Advice("put the overlay's folder back into the repository, then run the project again"),
}
_KUSTOMIZATION_REFUSED = Advice(f"Flux refuses the object as it is; {AGAIN}, which puts it back", True)


def for_run(reason: str) -> Advice:
    """For a run or step that failed for this reason of `errors` or of the ledger."""
    return _RUN.get(reason, _RUN_AGAIN)


def for_source(reason: str) -> Advice:
    """For a GitRepository that is not ready."""
    return _SOURCE.get(reason, _SOURCE_REFUSED)


def for_kustomization(reason: str) -> Advice:
    """For a Kustomization that is not ready."""
    return _KUSTOMIZATION.get(reason, _KUSTOMIZATION_REFUSED)
