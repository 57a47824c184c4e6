"""Reading Flux objects: their conditions and commits, taking no field for granted. Pure.

Source: Flux API docs, GitRepository and Kustomization v1 "Status"; Kubernetes API conventions, "Conditions".
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""Annotation that asks Flux to look now; not a part of how an object should be."""
PATH_NOT_FOUND = "kustomization path not found"
"""In the message of a failure: the overlay's folder is missing from the repository."""


def status_of(item: Object) -> Object:
    """An object's status, empty while it has none."""
    return item.get("status") or {}


def generation_of(item: Object) -> object:
    """Counts the changes of an object's spec."""
    return item.get("metadata", {}).get("generation")


def condition(item: Object, kind: str) -> Object:
    """The condition of this type, empty if there is none."""
    conditions = status_of(item).get("conditions") or []
    return next((found for found in conditions if found.get("type") == kind), {})


def is_current(item: Object, found: Object) -> bool:
    """Whether a condition was written for the present spec."""
    return found.get("observedGeneration") == generation_of(item)


def said(found: Object) -> str:
    """A condition's message."""
    return (found.get("message") or "").strip()


def commit_of(revision: str | None) -> str | None:
    """The commit id in Flux's `main@sha1:<id>`, `sha1:<id>` or bare form."""
    return revision.rsplit(":", 1)[-1].rsplit("@", 1)[-1] if revision else None


def artifact_commit(git_repository: Object) -> str | None:
    """The commit a GitRepository has fetched."""
    return commit_of((status_of(git_repository).get("artifact") or {}).get("revision"))
