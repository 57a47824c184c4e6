"""A system that does not answer, or not with all there is, is left alone, and people are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.driver import Driver

from .passes import Reconcile

LIST = "/projects$"


@pytest.fixture(scope="module")
def sandbox_systems(own_sandbox: Callable[[str], Any]) -> Any:
    """A sandbox of its own, because its GitLab fails for everybody."""
    made = own_sandbox("brake")
    made.up_systems()
    return made


@pytest.fixture(scope="module")
def slugs(operations: Driver) -> list[str]:
    """Two synced projects."""
    requests = [operations.request("dev") for _ in range(2)]
    assert [operations.run(request).status for request in requests] == ["succeeded", "succeeded"]
    return [str(request["slug"]) for request in requests]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"kind": "internal_error", "path": "/api/v4/projects"}, "500"),
        ({"kind": "bad_gateway", "path": LIST, "method": "GET"}, "502"),
        ({"kind": "connection_reset", "path": "/api/v4/projects"}, "GitLab does not answer"),
        ({"kind": "empty_list", "path": LIST, "method": "GET"}, "GitLab lists none of"),
        ({"kind": "truncated", "path": LIST, "method": "GET", "after_bytes": 300}, "GitLab"),
        ({"kind": "too_many_requests", "path": LIST, "method": "GET"}, "rate limit"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_nothing_is_concluded_from_a_gitlab_that_fails(
    reconcile: Reconcile, slugs: list[str], fault: dict[str, Any], told: str
) -> None:
    reconcile.run()
    before = [reconcile.statuses(slug) for slug in slugs]

    def incomplete() -> None:
        with reconcile.faults() as control, control.fault(**fault):
            message = reconcile.incomplete()
        assert told in message

    for slug in slugs:
        assert reconcile.writes(slug, incomplete) == []
    assert [reconcile.statuses(slug) for slug in slugs] == before
    assert reconcile.run().status == "complete"


def test_a_list_that_leaves_something_out_is_not_believed(reconcile: Reconcile, slugs: list[str]) -> None:
    with reconcile.faults() as control, control.fault(kind="empty_list", path=LIST, method="GET"):
        assert "leaves out platform/" in reconcile.incomplete(slugs[0])
    assert reconcile.statuses(slugs[0])["repository"] == "synced"


def test_clusters_are_kept_while_gitlab_is_down(reconcile: Reconcile, kubectl: Any, slugs: list[str]) -> None:
    space = f"project-{slugs[0]}-dev"
    kubectl("delete", "limitrange", "groundwork", "-n", space)
    with reconcile.faults() as control, control.fault(kind="bad_gateway", path="/api/v4/"):
        reconcile.incomplete()
    kubectl("get", "limitrange", "groundwork", "-n", space, "-o", "json")


@pytest.mark.timeout(180)
def test_nothing_is_concluded_from_a_cluster_that_is_down(
    reconcile: Reconcile, sandbox_systems: Any, slugs: list[str]
) -> None:
    before = reconcile.statuses(slugs[0])
    sandbox_systems.stop("kube-apiserver")
    try:
        assert "groundwork_cluster" in reconcile.incomplete()
    finally:
        sandbox_systems.start("kube-apiserver")
    assert reconcile.statuses(slugs[0]) == before
