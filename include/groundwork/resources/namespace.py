"""The Namespace of one environment."""

from __future__ import annotations

from groundwork.clients.kubernetes import Manifest
from groundwork.resources.target import Target

# Kubernetes "Pod Security Standards": baseline is enforced, restricted only pointed out.
_POD_SECURITY = {
    "pod-security.kubernetes.io/enforce": "baseline",
    "pod-security.kubernetes.io/warn": "restricted",
    "pod-security.kubernetes.io/audit": "restricted",
}


def desired(target: Target) -> Manifest:
    """The Namespace, labelled as the project's."""
    manifest = reference(target.namespace)
    manifest["metadata"]["labels"] = {**target.labels, **_POD_SECURITY}
    return manifest


def reference(name: str) -> Manifest:
    """Enough of the object to read it."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
