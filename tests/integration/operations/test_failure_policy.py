"""What a failed run leaves behind is what its request asked for, and never anybody else's loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gitlab

from groundwork.model.entities import Operation
from tests.driver import Driver


def failing(operations: Driver, policy: str, *environments: str, **changes: Any) -> dict[str, Any]:
    """A request that Flux refuses at once: its overlay refers to what is not there."""
    return operations.request(*environments, template_id="refused-by-flux", on_failure=policy, **changes)


def namespaces(kubectl: Callable[..., Any], request: dict[str, Any]) -> list[str]:
    found = kubectl("get", "namespaces", "-l", f"groundwork.dev/project={request['slug']}", "-o", "json")
    return [item["metadata"]["name"] for item in found["items"]]


def repository(api: gitlab.Gitlab, operation: Operation, operations: Driver) -> Any:
    recorded = operations.services.records.resources.repository(operation.project_id)
    return api.projects.get(recorded.gitlab_id)


def commit(api: gitlab.Gitlab, path: str) -> None:
    api.projects.get(path).files.create(
        {"file_path": "mine.txt", "branch": "main", "content": "mine", "commit_message": "Somebody's work"}
    )


def test_keep_leaves_everything_and_says_what_there_is(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = failing(operations, "keep")

    operation = operations.run(request)

    assert operation.status == "failed"
    assert operation.message is not None
    for thing in ("Repository/platform/", "Namespace/project-", "Kustomization/", "Secret/groundwork-git"):
        assert thing in operation.message.partition("(keep: ")[2]
    assert namespaces(kubectl, request) == [f"project-{request['slug']}-dev"]
    assert not repository(api, operation, operations).archived


def test_rollback_removes_all_that_the_run_made(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = failing(operations, "rollback", "dev", "prod")

    operation = operations.run(request)

    assert operation.status == "failed"
    assert operation.reason == "BuildFailed"
    assert "rollback: removed" in str(operation.message)
    assert namespaces(kubectl, request) == []
    assert repository(api, operation, operations).marked_for_deletion_on
    project = operations.services.records.projects.get(operation.project_id)
    assert project.state.status == "removed"


def test_what_was_rolled_back_can_be_run_again(operations: Driver, kubectl: Callable[..., Any]) -> None:
    request = failing(operations, "rollback")
    first = operations.run(request)

    again = operations.run(
        request | {"project_id": str(first.project_id), "template_id": "settings-only", "on_failure": "keep"}
    )

    assert again.status == "succeeded", again.message
    assert namespaces(kubectl, request) == [f"project-{request['slug']}-dev"]


def test_rollback_never_deletes_a_repository_with_somebodys_commits(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = failing(operations, "rollback")
    operation_id = operations.accept(request)
    with operations.settled(operation_id):
        try:
            operations.steps(operation_id)
        finally:
            commit(api, f"platform/{request['slug']}")

    operation = operations.services.records.operations.get(operation_id)
    assert "it holds commits that are not Groundwork's, such as" in str(operation.message)
    assert "(Somebody's work)" in str(operation.message)
    assert not getattr(repository(api, operation, operations), "marked_for_deletion_on", None)
    assert namespaces(kubectl, request) == []


def test_rollback_touches_nothing_of_an_earlier_run(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = operations.request("dev")
    first = operations.run(request)
    commit(api, f"platform/{request['slug']}")
    again = request | {
        "project_id": str(first.project_id),
        "environment_ids": ["dev", "prod"],  # the repository has no overlay for it
        "on_failure": "rollback",
    }

    operation = operations.run(again)

    assert operation.status == "failed"
    assert namespaces(kubectl, request) == [f"project-{request['slug']}-dev"]
    recorded = {
        item.environment.slug: item.state.status
        for item in operations.services.records.resources.environments_of(first.project_id)
    }
    assert recorded == {"dev": "synced", "prod": "removed"}


def test_quarantine_archives_and_suspends(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = failing(operations, "quarantine")

    operation = operations.run(request)

    assert "quarantine: suspended" in str(operation.message)
    assert repository(api, operation, operations).archived
    for kind in ("gitrepository", "kustomization"):
        found = kubectl("get", kind, request["slug"], "-n", f"project-{request['slug']}-dev", "-o", "json")
        assert found["spec"]["suspend"] is True
    project = operations.services.records.projects.get(operation.project_id)
    assert project.state.status == "failed"


def test_a_request_that_fails_before_anything_is_made_has_nothing_to_settle(operations: Driver) -> None:
    request = failing(operations, "rollback", repository={"group_path": "no-such-group"})

    operation = operations.run(request)

    assert operation.reason == "PreflightFailed"
    assert "nothing had been made" in str(operation.message)
