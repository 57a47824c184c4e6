"""What is in a namespace, and whose: looked at before a namespace goes, which takes everything along. Pure.

The project's are the objects that Groundwork has marked, what Flux has applied from the repository, and what
these and Kubernetes itself have made in turn. Sources: Kubernetes docs, "Owners and Dependents"; Flux
kustomize-controller docs, labels of applied objects and `prune: disabled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from groundwork.clients.kubernetes import Manifest
from groundwork.resources import kustomization
from groundwork.resources.ownership import Claim, claim_on_object
from groundwork.resources.target import Target

_APPLIED_BY = f"{kustomization.GROUP}/name"
_APPLIED_FROM = f"{kustomization.GROUP}/namespace"
_PRUNE = f"{kustomization.GROUP}/prune"
# Made by Kubernetes for others, without an owner that could be asked.
_DERIVED_KINDS = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics"})
_GIVEN = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})
_TOKEN_OF = "kubernetes.io/service-account.name"  # noqa: S105 - the name of an annotation
_SHOWN = 10


@dataclass(frozen=True)
class Contents:
    """A namespace's objects as their metadata, and the kinds Groundwork may not list there."""

    objects: Sequence[Manifest]
    hidden: Sequence[str] = ()


def foreign(contents: Contents, target: Target) -> list[str]:
    """Objects that would be lost with the namespace and are not the project's to remove, by kind and name."""
    found = (item for item in contents.objects if not _belongs(item, target))
    return sorted({_title(item) for item in found})


def applied(contents: Contents, target: Target) -> list[Manifest]:
    """The objects that the environment's Kustomization has applied and would prune."""
    return [item for item in contents.objects if _is_applied(item, target) and not _is_protected(item)]


def held(objects: Iterable[Manifest]) -> list[str]:
    """Objects that are being deleted and kept by finalizers, with these."""
    return sorted(
        f"{_title(item)} (finalizers: {', '.join(item['metadata']['finalizers'])})"
        for item in objects
        if item["metadata"].get("deletionTimestamp") and item["metadata"].get("finalizers")
    )


def listed(names: Sequence[str]) -> str:
    """Names for a message, which ends where it would get too long."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _belongs(item: Manifest, target: Target) -> bool:
    if claim_on_object(item, target.project.id) is not Claim.FOREIGN:
        return True
    if _is_applied(item, target):
        return not _is_protected(item)
    return _is_derived(item)


def _is_applied(item: Manifest, target: Target) -> bool:
    labels = _labels(item)
    by = (labels.get(_APPLIED_FROM), labels.get(_APPLIED_BY))
    return by == (target.namespace, kustomization.name(target))


def _is_protected(item: Manifest) -> bool:
    annotations = item["metadata"].get("annotations") or {}
    return "disabled" in (annotations.get(_PRUNE), _labels(item).get(_PRUNE))


def _is_derived(item: Manifest) -> bool:
    metadata = item["metadata"]
    return (
        bool(metadata.get("ownerReferences"))
        or item["kind"] in _DERIVED_KINDS
        or (item["kind"], metadata["name"]) in _GIVEN
        or _TOKEN_OF in (metadata.get("annotations") or {})
    )


def _labels(item: Manifest) -> dict[str, Any]:
    return item["metadata"].get("labels") or {}


def _title(item: Manifest) -> str:
    return f"{item['kind']} {item['metadata']['name']}"
