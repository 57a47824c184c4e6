"""What of a change of the records goes onto the audit trail: before and after, in the change's transaction.

Only what matters to people: a status or revision that is another, a thing that was made, replaced or removed.
That something was seen again as it was leaves no event.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.model.entities import Kind, Observation
from groundwork.model.statuses import Status
from groundwork.records import audit
from groundwork.records.connection import Row, Transaction

_WORDS = {
    Kind.NAMESPACE: "namespace",
    Kind.GUARDRAILS: "guardrails",
    Kind.CREDENTIALS: "credentials",
    Kind.GIT_REPOSITORY: "git_repository",
    Kind.KUSTOMIZATION: "kustomization",
}


def audit_state(transaction: Transaction, whole: str, before: Row | None, after: Observation) -> None:
    """The state of an environment or project; the row `before` held it until now, None if it is the same."""
    if before is None or not _differs(before, after):
        return
    named = {"environment": before["slug"]} if "slug" in before else {}
    details = {**named, "before": _shown(before), "after": _shown(vars(after))}
    audit.changed(transaction, before["project_id"], f"{whole}.{after.status}", details)


def audit_repository(transaction: Transaction, before: Row, after: Row) -> None:
    """A repository's row as it was and as it is."""
    details: dict[str, Any] = {"path": after["path"], "gitlab_id": after["gitlab_id"]}
    if before["gitlab_id"] != after["gitlab_id"]:
        done = "created" if after["created_by_us"] else "adopted"
        told = {**details, "before": before["gitlab_id"], "after": after["gitlab_id"]}
        audit.changed(transaction, after["project_id"], f"repository.{done}", told)
    if _shown(before) != _shown(after) and after["status"] != Status.APPLIED:
        details |= {"before": _shown(before), "after": _shown(after)}
        audit.changed(transaction, after["project_id"], f"repository.{after['status']}", details)


def audit_resource(
    transaction: Transaction, project_id: UUID, environment: str, before: Row, after: Row
) -> None:
    """The row of a resource in a cluster; how it stands is told of its environment."""
    kind = Kind(after["kind"])
    done = _made(kind, before, after)
    if done is None:
        return
    details = {
        "environment": environment,
        "cluster": after["cluster"],
        "namespace": after["namespace"],
        "name": after["name"],
        "before": before["external_id"],
        "after": None if done == "removed" else after["external_id"],
    }
    audit.changed(transaction, project_id, f"{_WORDS[kind]}.{done}", details)


def _made(kind: Kind, before: Row, after: Row) -> str | None:
    if after["status"] == Status.REMOVED:
        return "removed" if before["status"] != Status.REMOVED and before["created_by_us"] else None
    if not before["created_by_us"] and after["created_by_us"]:
        return "created"
    if before["external_id"] == after["external_id"]:
        return None
    return "rotated" if kind is Kind.CREDENTIALS else "replaced"


def _differs(before: Row, after: Observation) -> bool:
    return _said(_shown(before)) != _said(_shown(vars(after)))


def _said(state: dict[str, Any]) -> tuple[Any, ...]:
    """What matters of a state: if it is synced the revision, if it is not as it should be the reason."""
    matters = {Status.SYNCED: "revision", Status.FAILED: "reason", Status.DRIFTED: "reason"}
    return state["status"], state.get(matters.get(state["status"], ""))


def _shown(state: Row | dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in ("status", "reason", "message", "revision")}
