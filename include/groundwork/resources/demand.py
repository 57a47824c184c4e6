"""What a template's workloads ask of a namespace's quota, before they are there. Pure.

Workloads whose pods a ResourceQuota refuses never become healthy, and nothing says so until the deadline.
Source: Kubernetes docs, "Resource Quotas"; what a container does not ask for, the LimitRange gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from groundwork.clients.kubernetes import Manifest, quantity

_REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")
_ONCE = ("Job", "Pod")


def excess(manifests: Sequence[Manifest], quota: Mapping[str, str], defaults: Mapping[str, str]) -> list[str]:
    """Every resource of `quota` that the workloads' pods together ask more of, told for a person.

    `quota` is in the terms of a ResourceQuota's `hard`; `defaults` are a container's requests where it names
    none. A CronJob's pods count once, as if one of its jobs ran.
    """
    asked = {
        "pods": sum((_pods(item) for item in manifests), Decimal(0)),
        **{f"requests.{name}": _requested(manifests, name, defaults) for name in ("cpu", "memory")},
    }
    return [
        f"{name}: the workloads ask for {_plain(amount)} and the quota is {quota[name]}"
        for name, amount in asked.items()
        if name in quota and amount > (quantity(quota[name]) or amount)
    ]


def _requested(manifests: Sequence[Manifest], name: str, defaults: Mapping[str, str]) -> Decimal:
    return sum(
        (
            _pods(item) * (quantity(str(_request(container, name) or defaults.get(name, "0"))) or Decimal(0))
            for item in manifests
            for container in _template(item).get("containers") or ()
        ),
        Decimal(0),
    )


def _request(container: Mapping[str, Any], name: str) -> Any:
    """What a container asks for; one that names only a limit asks for that."""
    resources = container.get("resources") or {}
    return (resources.get("requests") or {}).get(name) or (resources.get("limits") or {}).get(name)


def _pods(manifest: Manifest) -> Decimal:
    spec = manifest.get("spec") or {}
    match manifest["kind"]:
        case kind if kind in _REPLICATED:
            return Decimal(spec.get("replicas", 1))
        case "CronJob":
            return Decimal(0 if spec.get("suspend") else 1)
        case kind if kind in _ONCE:
            return Decimal(1)
    return Decimal(0)


def _template(manifest: Manifest) -> Mapping[str, Any]:
    """The pod's spec in a workload; empty for anything else."""
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "Pod":
        return spec
    if manifest["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return (spec.get("template") or {}).get("spec") or {}


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
