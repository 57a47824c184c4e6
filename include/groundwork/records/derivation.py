"""How a whole stands, from how its parts stand. Pure.

`model.statuses.combined` decides the status; here come the reason, message, time and revision to it, so that
a failure deep down can be read at the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from groundwork.model.entities import (
    GitOpsResource,
    Kind,
    Observation,
    Operation,
    ProjectEnvironment,
    Repository,
)
from groundwork.model.statuses import OperationStatus, Reason, Status, combined

# In these everybody concerned is told of, in the unfinished ones who is next, in the others nobody.
_NAMES_EVERY_PART = frozenset({Status.FAILED, Status.DRIFTED, Status.REMOVING})
_UNFINISHED = frozenset({Status.PENDING, Status.APPLIED})
# What nobody goes on with once the operation has failed.
_ABANDONED = _UNFINISHED | {Status.REMOVING}
_KINDS = list(Kind)


@dataclass(frozen=True)
class _Part:
    name: str
    state: Observation


def in_order(resources: Iterable[GitOpsResource]) -> list[GitOpsResource]:
    """In the order they are made."""
    return sorted(resources, key=lambda resource: _KINDS.index(resource.kind))


def environment_state(resources: Sequence[GitOpsResource]) -> Observation:
    """State of a project's environment; its revision is the one its Kustomization applied.

    One that is partly gone is on its way out, whatever the rest of it looks like.
    """
    applied = [resource.state.revision for resource in resources if resource.kind is Kind.KUSTOMIZATION]
    parts = [_Part(resource.kind.value, resource.state) for resource in in_order(resources)]
    if any(part.state.status is not Status.REMOVED for part in parts):
        parts = [_leaving(part) for part in parts]
    return replace(_whole(parts), revision=next(iter(applied), None))


def project_state(
    repository: Repository | None, environments: Sequence[ProjectEnvironment], last: Operation | None
) -> Observation:
    """State of a project; its revision is the repository's.

    What is unfinished after the last operation failed will not be finished by anyone, so it has failed too,
    with the operation's reason. That also covers an operation that ended before anything was recorded.
    """
    parts = [_Part(environment.environment.slug, environment.state) for environment in environments]
    if repository is not None and repository.state.status is not Status.REMOVED and _gone(parts):
        parts = [replace(part, state=replace(part.state, status=Status.REMOVING)) for part in parts]
    parts = [*([_Part("repository", repository.state)] if repository else []), *parts]
    state = replace(_whole(parts), revision=repository.state.revision if repository else None)
    if last is None or last.status is not OperationStatus.FAILED or state.status not in _ABANDONED:
        return state
    return replace(
        state,
        status=Status.FAILED,
        reason=last.reason or state.reason,
        message=last.message or state.message,
        observed_at=last.finished_at,
    )


def _gone(parts: Sequence[_Part]) -> bool:
    """A project of which only the repository is left is on its way out too."""
    return bool(parts) and all(part.state.status is Status.REMOVED for part in parts)


def _leaving(part: _Part) -> _Part:
    if part.state.status is not Status.REMOVED:
        return part
    return replace(part, state=replace(part.state, status=Status.REMOVING))


def _whole(parts: Sequence[_Part]) -> Observation:
    status = combined(part.state.status for part in parts)
    deciding = [part for part in parts if part.state.status is status]
    if not deciding:
        return Observation(status, Reason.RECORDED)
    told = deciding if status in _NAMES_EVERY_PART else deciding[:1] if status in _UNFINISHED else []
    seen = [part.state.observed_at for part in deciding if part.state.observed_at is not None]
    return Observation(
        status=status,
        reason=deciding[0].state.reason,
        message="; ".join(f"{part.name}: {part.state.message}" for part in told if part.state.message),
        observed_at=min(seen, default=None),
    )
