"""The Flux GitRepository of one environment: where Flux fetches the project from."""

from __future__ import annotations

from groundwork.clients.kubernetes import Manifest
from groundwork.resources import credentials
from groundwork.resources.conditions import REQUESTED_AT
from groundwork.resources.target import Target

API_VERSION = "source.toolkit.fluxcd.io/v1"
KIND = "GitRepository"
_FETCH_TIMEOUT = "60s"


def name(target: Target) -> str:
    return target.project.slug


def desired(target: Target, requested_at: str | None = None) -> Manifest:
    """The GitRepository; `requested_at` is a token that asks Flux to look now rather than at its interval."""
    manifest = target.manifest(
        API_VERSION,
        KIND,
        name(target),
        spec={
            "url": target.repository_url,
            "ref": {"branch": target.repository.default_branch},
            "interval": f"{target.pace.interval:g}s",
            "timeout": _FETCH_TIMEOUT,
            "secretRef": {"name": credentials.SECRET},
            "suspend": False,
        },
    )
    if requested_at:
        manifest["metadata"]["annotations"] = {REQUESTED_AT: requested_at}
    return manifest


def suspended(target: Target) -> Manifest:
    """The GitRepository suspended: Flux fetches nothing more."""
    manifest = desired(target)
    manifest["spec"]["suspend"] = True
    return manifest


def is_asked(existing: Manifest, requested_at: str) -> bool:
    """Whether Flux has been asked to look with this token. Pure."""
    return (existing["metadata"].get("annotations") or {}).get(REQUESTED_AT) == requested_at


def not_fetched(existing: Manifest | None, requested_at: str) -> str | None:
    """Why it is not known that Flux could fetch when it was asked with this token, or None if it did. Pure.

    Source: Flux GitRepository API, `lastHandledReconcileAt`: set at the end of the run that was asked for.
    """
    if existing is None:
        return "the GitRepository is not there"
    status = existing.get("status") or {}
    if status.get("lastHandledReconcileAt") != requested_at:
        return "it has not looked yet"
    conditions = {item["type"]: item for item in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    current = ready.get("observedGeneration") == existing["metadata"].get("generation")
    if ready.get("status") == "True" and current:
        return None
    return str(ready.get("message") or "it is not ready")


def reference(namespace: str, resource_name: str) -> Manifest:
    """Enough of the object to read it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": resource_name, "namespace": namespace},
    }
