"""One drift per field and class that Groundwork owns: found, healed in one pass, and then left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import gitlab
import pytest

from tests.driver import Driver

from .passes import Reconcile

ENVIRONMENTS = ("dev", "prod")


@dataclass(frozen=True)
class World:
    """A synced project, and the means to bend what it is made of."""

    slug: str
    project: Any
    kubectl: Callable[..., Any]
    database: Any

    @property
    def namespace(self) -> str:
        return f"project-{self.slug}-dev"

    def patch(self, kind: str, name: str, patch: Any, *, how: str = "merge") -> None:
        place = () if kind == "namespace" else ("-n", self.namespace)
        self.kubectl("patch", kind, name, *place, f"--type={how}", "-p", json.dumps(patch))

    def delete(self, kind: str, name: str) -> None:
        self.kubectl("delete", kind, name, "-n", self.namespace, "--wait=true")

    def change(self, **values: Any) -> None:
        self.project.manager.update(self.project.id, values)


@pytest.fixture(scope="module")
def world(operations: Driver, api: gitlab.Gitlab, kubectl: Any, database: Any) -> World:
    # In a private group nobody could open a repository to others.
    group = f"drifts-{uuid4().hex[:8]}"
    api.groups.create({"name": group, "path": group, "visibility": "public"})
    request = operations.request(*ENVIRONMENTS, repository={"group_path": group})
    assert operations.run(request).status == "succeeded"
    slug = request["slug"]
    return World(slug, api.projects.get(f"{group}/{slug}"), kubectl, database)


def _labels(name: str, value: str | None) -> Callable[[World], None]:
    return lambda world: world.patch("namespace", world.namespace, {"metadata": {"labels": {name: value}}})


def _of(kind: str, name: str, patch: Any, how: str = "merge") -> Callable[[World], None]:
    return lambda world: world.patch(kind, name or world.slug, patch, how=how)


def _gone(kind: str, name: str) -> Callable[[World], None]:
    return lambda world: world.delete(kind, name or world.slug)


def _rename_topics(world: World) -> None:
    world.change(topics=["other"])


def _no_project_topic(world: World) -> None:
    world.change(topics=["groundwork", "theirs"])


def _unprotect(world: World) -> None:
    world.project.protectedbranches.delete("main")


def _force_push(world: World) -> None:
    world.project.protectedbranches.update("main", {"allow_force_push": True})


def _revoke(world: World) -> None:
    for token in world.project.deploytokens.list(get_all=True):
        if "-dev-" in token.name:
            token.delete()


def _no_namespace(world: World) -> None:
    # As an administrator does it: Flux's objects first, or their finalizers have nobody to act for them.
    world.delete("kustomization", world.slug)
    world.kubectl("delete", "namespace", world.namespace, "--wait=true")


def _other_branch(world: World) -> None:
    world.project.branches.create({"branch": "other", "ref": "main"})
    world.change(default_branch="other")


_ENFORCE = "pod-security.kubernetes.io/enforce"
DRIFTS: dict[str, Callable[[World], None]] = {
    "repository name": lambda world: world.change(name="Another name"),
    "repository description": lambda world: world.change(description="Other words"),
    "repository visibility": lambda world: world.change(visibility="public"),
    "repository archived": lambda world: world.project.archive(),
    "repository default branch": _other_branch,
    "repository topics": _rename_topics,
    "repository project topic": _no_project_topic,
    "branch unprotected": _unprotect,
    "branch open to force-push": _force_push,
    "namespace enforce label": _labels(_ENFORCE, "privileged"),
    "namespace warn label": _labels("pod-security.kubernetes.io/warn", "baseline"),
    "namespace audit label": _labels("pod-security.kubernetes.io/audit", None),
    "namespace managed-by label": _labels("app.kubernetes.io/managed-by", "helm"),
    "namespace environment label": _labels("groundwork.dev/environment", "prod"),
    "namespace": _no_namespace,
    "service account": _gone("serviceaccount", "flux-reconciler"),
    "service account token": _of("serviceaccount", "flux-reconciler", {"automountServiceAccountToken": True}),
    "role binding": _gone("rolebinding", "flux-reconciler"),
    "role binding subjects": _of("rolebinding", "flux-reconciler", {"subjects": []}),
    "quota": _gone("resourcequota", "groundwork"),
    "quota pods": _of("resourcequota", "groundwork", {"spec": {"hard": {"pods": "500"}}}),
    "quota memory": _of("resourcequota", "groundwork", {"spec": {"hard": {"requests.memory": None}}}),
    "limit range": _gone("limitrange", "groundwork"),
    "limit range default": _of(
        "limitrange",
        "groundwork",
        {"spec": {"limits": [{"type": "Container", "default": {"memory": "9Gi"}}]}},
    ),
    "network policy": _gone("networkpolicy", "groundwork"),
    "network policy types": _of("networkpolicy", "groundwork", {"spec": {"policyTypes": ["Ingress"]}}),
    "network policy selector": _of(
        "networkpolicy", "groundwork", {"spec": {"podSelector": {"matchLabels": {"a": "b"}}}}
    ),
    "secret": _gone("secret", "groundwork-git"),
    "secret token annotation": _of(
        "secret", "groundwork-git", {"metadata": {"annotations": {"groundwork.dev/deploy-token-id": "1"}}}
    ),
    "deploy token revoked": _revoke,
    "secret content": _of("secret", "groundwork-git", {"stringData": {"password": "gldt-somebody"}}),
    "git repository": _gone("gitrepository", ""),
    "git repository url": _of("gitrepository", "", {"spec": {"url": "http://127.0.0.1:1/x.git"}}),
    "git repository branch": _of("gitrepository", "", {"spec": {"ref": {"branch": "nowhere"}}}),
    "git repository interval": _of("gitrepository", "", {"spec": {"interval": "9h"}}),
    "git repository secret": _of("gitrepository", "", {"spec": {"secretRef": {"name": "other"}}}),
    "kustomization": _gone("kustomization", ""),
    "kustomization path": _of("kustomization", "", {"spec": {"path": "./deploy/overlays/prod"}}),
    "kustomization prune": _of("kustomization", "", {"spec": {"prune": False}}),
    "kustomization wait": _of("kustomization", "", {"spec": {"wait": False}}),
    "kustomization service account": _of("kustomization", "", {"spec": {"serviceAccountName": "default"}}),
    "kustomization retry interval": _of("kustomization", "", {"spec": {"retryInterval": "9h"}}),
    "kustomization timeout": _of("kustomization", "", {"spec": {"timeout": "9m"}}),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("drift", DRIFTS)
def test_a_drift_is_found_and_healed_in_one_pass(world: World, reconcile: Reconcile, drift: str) -> None:
    DRIFTS[drift](world)
    if drift == "secret content":
        _let_flux_notice(world)
    seen = reconcile.run(world.slug)
    found = reconcile.findings(seen, world.slug)
    assert found, f"{drift} was not found"
    healed = [item for item in found if item["policy"] == "heal"]
    assert {item["state"] for item in healed} == {"healed"}, found
    reconcile.until_synced(world.slug)
    assert reconcile.writes(world.slug, lambda: reconcile.run(world.slug)) == []


def _let_flux_notice(world: World) -> None:
    """Flux looks at a Secret only when it fetches."""
    world.patch(
        "gitrepository",
        world.slug,
        {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}},
    )
    world.kubectl(
        "wait",
        f"gitrepository/{world.slug}",
        "-n",
        world.namespace,
        "--for=condition=Ready=False",
        "--timeout=60s",
    )
