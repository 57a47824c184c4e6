"""What keeps an environment inside its namespace: identity for Flux, quota, defaults, closed network.

Flux applies the project's content as the ServiceAccount made here, which may edit this namespace and nothing
else (Flux "Multi-tenancy lockdown").
"""

from __future__ import annotations

from groundwork.clients.kubernetes import Manifest
from groundwork.model.entities import Environment
from groundwork.resources.target import Target

SERVICE_ACCOUNT = "flux-reconciler"
CLUSTER_ROLE = "edit"
_NAME = "groundwork"
_QUOTA = {"pods": "50", "requests.cpu": "8", "requests.memory": "16Gi", "services.loadbalancers": "2"}
DEFAULT_REQUEST = {"cpu": "50m", "memory": "64Mi"}
_DEFAULT_LIMIT = {"memory": "256Mi"}
_RBAC = "rbac.authorization.k8s.io"

KINDS = [
    ("v1", "ServiceAccount"),
    (f"{_RBAC}/v1", "RoleBinding"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
]
"""API version and kind of each of them."""


def desired(target: Target) -> list[Manifest]:
    """ServiceAccount, RoleBinding, ResourceQuota, LimitRange and NetworkPolicy, in order of making."""
    return [
        target.manifest("v1", "ServiceAccount", SERVICE_ACCOUNT, automountServiceAccountToken=False),
        target.manifest(
            f"{_RBAC}/v1",
            "RoleBinding",
            SERVICE_ACCOUNT,
            roleRef={"apiGroup": _RBAC, "kind": "ClusterRole", "name": CLUSTER_ROLE},
            subjects=[{"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": target.namespace}],
        ),
        target.manifest("v1", "ResourceQuota", _NAME, spec={"hard": quota(target.environment.environment)}),
        target.manifest(
            "v1",
            "LimitRange",
            _NAME,
            spec={
                "limits": [
                    {"type": "Container", "default": _DEFAULT_LIMIT, "defaultRequest": DEFAULT_REQUEST}
                ]
            },
        ),
        target.manifest(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            _NAME,
            spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        ),
    ]


def quota(environment: Environment) -> dict[str, str]:
    """What an environment's namespaces may hold: the defaults, and what its policy says instead."""
    return {**_QUOTA, **environment.policy.quota}
