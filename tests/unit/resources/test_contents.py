"""Whose is what lies in a namespace that is going to be removed?"""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.resources import contents
from groundwork.resources.contents import Contents

from .test_manifests import target

TARGET = target()
APPLIED = {
    "kustomize.toolkit.fluxcd.io/name": TARGET.project.slug,
    "kustomize.toolkit.fluxcd.io/namespace": TARGET.namespace,
}
KEPT = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}


def item(kind: str = "ConfigMap", name: str = "x", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


@pytest.mark.parametrize(
    ("found", "theirs"),
    [
        (item(labels=TARGET.labels), []),
        (item(labels=APPLIED), []),
        (item(labels=APPLIED, annotations=KEPT), ["ConfigMap x"]),
        (item(labels=APPLIED | KEPT), ["ConfigMap x"]),
        (item(labels=APPLIED | {"kustomize.toolkit.fluxcd.io/name": "another"}), ["ConfigMap x"]),
        (item("Pod", ownerReferences=[{"kind": "ReplicaSet", "name": "web"}]), []),
        (item(name="kube-root-ca.crt"), []),
        (item("ServiceAccount", "default"), []),
        (item("ServiceAccount", "robot"), ["ServiceAccount robot"]),
        (item("Event"), []),
        (item("Endpoints"), []),
        (item("Secret", annotations={"kubernetes.io/service-account.name": "robot"}), []),
        (
            item("PersistentVolumeClaim", "data-db-0", labels={"app": "db"}),
            ["PersistentVolumeClaim data-db-0"],
        ),
    ],
)
def test_only_what_is_not_the_projects_is_foreign(found: dict[str, Any], theirs: list[str]) -> None:
    assert contents.foreign(Contents([found]), TARGET) == theirs


def test_what_flux_would_prune_is_what_it_applied_and_may_prune() -> None:
    applied, kept, ours = item(labels=APPLIED), item(labels=APPLIED | KEPT), item(labels=TARGET.labels)
    assert contents.applied(Contents([applied, kept, ours]), TARGET) == [applied]


def test_objects_are_held_by_finalizers_while_they_are_being_deleted() -> None:
    going = item(name="going", deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["a.example/b", "c"])
    assert contents.held([going, item(name="staying", finalizers=["a.example/b"])]) == [
        "ConfigMap going (finalizers: a.example/b, c)"
    ]


def test_a_long_list_ends_where_a_message_would_get_too_long() -> None:
    names = [f"ConfigMap c{number:02}" for number in range(12)]
    assert contents.listed(names).endswith("ConfigMap c09 and 2 more")
    assert contents.listed(names[:2]) == "ConfigMap c00, ConfigMap c01"
