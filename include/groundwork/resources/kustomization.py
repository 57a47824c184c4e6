"""The Flux Kustomization of one environment: what Flux applies, as whom, and how it is parked."""

from __future__ import annotations

from groundwork.clients.kubernetes import Manifest
from groundwork.resources import git_repository
from groundwork.resources.conditions import REQUESTED_AT
from groundwork.resources.guardrails import SERVICE_ACCOUNT
from groundwork.resources.target import Target

GROUP = "kustomize.toolkit.fluxcd.io"
API_VERSION = f"{GROUP}/v1"
KIND = "Kustomization"
PARKED_ANNOTATION = "groundwork.dev/parked"


def name(target: Target) -> str:
    return target.project.slug


def overlay_path(environment_slug: str) -> str:
    """Where a template keeps an environment's manifests."""
    return f"./deploy/overlays/{environment_slug}"


def desired(target: Target, requested_at: str | None = None) -> Manifest:
    """The Kustomization, not suspended: applying it also resumes a parked one."""
    manifest = target.manifest(
        API_VERSION,
        KIND,
        name(target),
        spec={
            "sourceRef": {"kind": git_repository.KIND, "name": git_repository.name(target)},
            "path": overlay_path(target.environment.environment.slug),
            "targetNamespace": target.namespace,
            "serviceAccountName": SERVICE_ACCOUNT,
            "interval": f"{target.pace.interval:g}s",
            "retryInterval": f"{target.pace.retry_interval:g}s",
            "timeout": f"{target.pace.timeout:g}s",
            "prune": True,
            "wait": True,
            "suspend": False,
        },
    )
    if requested_at:
        manifest["metadata"]["annotations"] = {REQUESTED_AT: requested_at}
    return manifest


def reference(namespace: str, resource_name: str) -> Manifest:
    """Enough of the object to read or change it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": resource_name, "namespace": namespace},
    }


def parked(target: Target, requested_at: str, reason: str) -> Manifest:
    """The Kustomization suspended, so that its failures cost the controller nothing."""
    manifest = suspended(target)
    manifest["metadata"]["annotations"] = {REQUESTED_AT: requested_at, PARKED_ANNOTATION: reason}
    return manifest


def suspended(target: Target) -> Manifest:
    """The Kustomization suspended: Flux applies nothing more."""
    manifest = desired(target)
    manifest["spec"]["suspend"] = True
    return manifest
