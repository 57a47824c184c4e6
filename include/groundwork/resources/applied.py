"""Manifests in a cluster: what is to be done, doing and undoing it, never touching somebody else's object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import WaitingError
from groundwork.model.changes import Action, Change, Difference, System
from groundwork.resources import ownership
from groundwork.resources.conditions import REQUESTED_AT
from groundwork.resources.differences import differences
from groundwork.resources.ownership import Claim

_LOOK_AGAIN = 2.0
# What says which object this is, and what nobody may see.
_NOT_COMPARED = ("apiVersion", "kind", "stringData", "data")

Creating = Callable[[str], None]
"""Told the `title` of an object that is not there and is created next."""


def untold(_title: str) -> None:
    """The `Creating` of work that changes only what is there already."""


@dataclass(frozen=True)
class Applied:
    """An object as the cluster stored it; `created` is whether it was not there before."""

    stored: Manifest
    created: bool

    @property
    def uid(self) -> str:
        return str(self.stored["metadata"]["uid"])


def title(manifest: Manifest) -> str:
    """What an object is called in ledger and plan: `Kind/name`."""
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def change(manifest: Manifest, existing: Manifest | None, project_id: UUID, scope: str) -> Change:
    """What is to be done so that `existing` becomes what `manifest` says. Pure."""

    def made(action: Action, *found: Difference, message: str = "") -> Change:
        name = manifest["metadata"]["name"]
        return Change(System.CLUSTER, scope, manifest["kind"], name, action, found, message)

    claim = ownership.claim_on_object(existing, project_id)
    if existing is None:
        return made(Action.CREATE, *differences(_content(manifest, marked=False), None))
    if claim is Claim.FOREIGN:
        return made(Action.CONFLICT, message=ownership.foreign_object(existing).message)
    if claim is Claim.DOOMED:
        return made(Action.WAIT, message="is being deleted; it is made anew afterwards")
    found = differences(_content(manifest), existing)
    return made(Action.CHANGE if found else Action.NONE, *found)


def apply_all(
    cluster: Cluster, manifests: Sequence[Manifest], project_id: UUID, creating: Creating
) -> list[Applied]:
    """Apply manifests in order. Raises `Conflict` at the first that is not the project's."""
    return [apply_one(cluster, manifest, project_id, creating) for manifest in manifests]


def apply_one(cluster: Cluster, manifest: Manifest, project_id: UUID, creating: Creating) -> Applied:
    """Apply one manifest after looking whose it is, and telling `creating` if nobody's is there.

    Raises `Conflict` for somebody else's object and `WaitingError` while an earlier one is being deleted.
    """
    existing = cluster.get(manifest)
    claim = ownership.claim_on_object(existing, project_id)
    if existing is not None and claim is Claim.FOREIGN:
        raise ownership.foreign_object(existing, cluster.name)
    if claim is Claim.DOOMED:
        name = manifest["metadata"]["name"]
        raise WaitingError(f"{manifest['kind']} {name} on cluster {cluster.name} is still being deleted.", 5)
    if existing is None:
        creating(title(manifest))
    stored = cluster.apply(manifest, force=claim is Claim.OURS)
    return Applied(stored, created=existing is None)


def remove_one(cluster: Cluster, reference: Manifest, project_id: UUID) -> None:
    """Delete an object of the project and make sure that it is gone; nobody's is there already is fine.

    Raises `Conflict` for somebody else's object, and `WaitingError`, which tells what the object waits for,
    until it has gone.
    """
    existing = cluster.get(reference)
    if existing is None:
        return
    if ownership.claim_on_object(existing, project_id) is Claim.FOREIGN:
        raise ownership.foreign_object(existing, cluster.name)
    if not existing["metadata"].get("deletionTimestamp"):
        cluster.delete(existing)
        existing = cluster.get(reference)
    if existing is not None:
        raise WaitingError(_still_there(existing, cluster.name), _LOOK_AGAIN)


def _content(manifest: Manifest, *, marked: bool = True) -> Manifest:
    """What of a manifest is compared; without the marks of ownership unless `marked`."""
    metadata = manifest["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations", {})
    return {
        "metadata": {
            "labels": {key: value for key, value in labels.items() if marked or not ownership.is_mark(key)},
            "annotations": {key: value for key, value in annotations.items() if key != REQUESTED_AT},
        },
        **{key: value for key, value in manifest.items() if key not in (*_NOT_COMPARED, "metadata")},
    }


def _still_there(existing: Manifest, cluster: str) -> str:
    finalizers = ", ".join(existing["metadata"].get("finalizers") or ()) or "none"
    conditions = (existing.get("status") or {}).get("conditions") or []
    told = "; ".join(
        f"{condition['type']}: {condition['message']}"
        for condition in conditions
        if condition.get("message") and condition.get("status") in ("True", "False")
    )
    return (
        f"{title(existing)} on cluster {cluster} is being deleted but still there (finalizers: {finalizers})."
        + (f" It says: {told}." if told else "")
    )
