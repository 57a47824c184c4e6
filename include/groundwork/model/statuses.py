"""Statuses of resources and projects, and how a project's follows from its resources'. Pure.

A status never says more than what was observed: only `synced` claims the desired state was seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """Status of a recorded resource, an environment or a project."""

    PENDING = "pending"
    APPLIED = "applied"
    SYNCED = "synced"
    FAILED = "failed"
    DRIFTED = "drifted"
    REMOVING = "removing"
    REMOVED = "removed"


class OperationStatus(StrEnum):
    """How an operation stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a resource has its status; errors add their own `reason`, Flux the reasons of its conditions."""

    RECORDED = "Recorded"
    ACCEPTED = "Accepted"
    OBSERVED = "Observed"
    NOT_REACHED = "NotReached"
    MERGE_REQUEST_OPEN = "MergeRequestOpen"
    REMOVED = "Removed"
    ROLLED_BACK = "RolledBack"
    QUARANTINED = "Quarantined"
    DRIFTED = "Drifted"
    MISSING = "Missing"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    REMOVAL_REQUESTED = "RemovalRequested"
    ARCHIVED = "Archived"
    MARKED_FOR_DELETION = "MarkedForDeletion"
    KEPT = "Kept"
    LEFT = "Left"


# The worst one present decides: what is broken hides what is merely unfinished.
_PRECEDENCE = (
    Status.FAILED,
    Status.REMOVING,
    Status.DRIFTED,
    Status.PENDING,
    Status.APPLIED,
    Status.SYNCED,
    Status.REMOVED,
)


def combined(statuses: Iterable[Status]) -> Status:
    """The status of a whole from those of its parts; `pending` for no parts at all."""
    present = set(statuses)
    return next((status for status in _PRECEDENCE if status in present), Status.PENDING)
