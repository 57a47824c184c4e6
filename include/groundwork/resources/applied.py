"""Applying manifests to a cluster without ever touching somebody else's object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import WaitingError
from groundwork.resources import ownership
from groundwork.resources.ownership import Claim


@dataclass(frozen=True)
class Applied:
    """An object as the cluster stored it; `created` is whether it was not there before."""

    stored: Manifest
    created: bool

    @property
    def uid(self) -> str:
        return str(self.stored["metadata"]["uid"])


def apply_all(cluster: Cluster, manifests: Sequence[Manifest], project_id: UUID) -> list[Applied]:
    """Apply manifests in order. Raises `Conflict` at the first that is not the project's."""
    return [apply_one(cluster, manifest, project_id) for manifest in manifests]


def apply_one(cluster: Cluster, manifest: Manifest, project_id: UUID) -> Applied:
    """Apply one manifest after looking whose it is.

    Raises `Conflict` for somebody else's object and `WaitingError` while an earlier one is being deleted.
    """
    existing = cluster.get(manifest)
    claim = ownership.claim_on_object(existing, project_id)
    if existing is not None and claim is Claim.FOREIGN:
        raise ownership.foreign_object(existing, cluster.name)
    if claim is Claim.DOOMED:
        name = manifest["metadata"]["name"]
        raise WaitingError(f"{manifest['kind']} {name} on cluster {cluster.name} is still being deleted.", 5)
    stored = cluster.apply(manifest, force=claim is Claim.OURS)
    return Applied(stored, created=claim is Claim.ABSENT)
