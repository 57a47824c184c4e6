"""A repository that is there already: ours goes on, somebody's is left alone unless it is adopted."""

from __future__ import annotations

from typing import Any

import gitlab
import pytest

from groundwork.errors import PreflightFailed, Rejected
from groundwork.operations import environment_steps, preflight, project_steps, sync
from tests.driver import Driver


def existing(api: gitlab.Gitlab, group: Any, slug: str, **values: Any) -> Any:
    """Somebody's project with a commit of theirs."""
    made = api.projects.create(
        {
            "name": slug,
            "path": slug,
            "namespace_id": group.id,
            "description": "Somebody's",
            "initialize_with_readme": True,
            **values,
        }
    )
    return api.projects.get(made.id)


def adopting(operations: Driver, **changes: Any) -> dict[str, Any]:
    return operations.request(repository={"group_path": "platform", "adopt": True}, **changes)


def until_pushed(operations: Driver, request: dict[str, Any]) -> Any:
    """The operation's id after the steps up to the push of the template."""
    operation_id = operations.accept(request)
    preflight.preflight(operations.services, operation_id)
    project_steps.record_resources(operations.services, operation_id)
    operations.patiently(project_steps.create_repository, operation_id)
    project_steps.push_template(operations.services, operation_id)
    return operation_id


def test_somebodys_repository_is_a_conflict_and_stays_as_it_was(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = operations.request()
    before = existing(api, group, request["slug"])

    operation = operations.run(request)

    assert operation.reason == "PreflightFailed"
    assert "set repository.adopt to take it over" in str(operation.message)
    assert api.projects.get(before.id).attributes == before.attributes


def test_adoption_marks_it_and_asks_for_the_template_by_a_merge_request(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations)
    before = existing(api, group, request["slug"], visibility="private")
    head = before.branches.get("main").commit["id"]

    operation_id = until_pushed(operations, request)
    project_steps.push_template(operations.services, operation_id)  # again: nothing exists twice

    after = api.projects.get(before.id)
    assert {"groundwork", "groundwork-adopted"} <= set(after.topics)
    assert (after.name, after.description) == (before.name, before.description)
    assert after.branches.get("main").commit["id"] == head
    [asked] = after.mergerequests.list(state="opened")
    assert (asked.source_branch, asked.target_branch) == ("groundwork/settings-only", "main")
    branch = after.branches.get("groundwork/settings-only")
    assert branch.commit["parent_ids"] == [head]
    assert {item["path"] for item in after.repository_tree(ref=branch.name)} >= {"README.md", "deploy"}
    recorded = operations.services.records.resources.repository(
        operations.services.records.operations.get(operation_id).project_id
    )
    assert not recorded.created_by_us
    assert (recorded.state.status, recorded.state.reason) == ("applied", "MergeRequestOpen")


def test_it_is_synced_once_the_merge_request_is_merged(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations)
    project = existing(api, group, request["slug"])
    operation_id = until_pushed(operations, request)
    for step in (
        environment_steps.create_namespace,
        environment_steps.create_credentials,
        environment_steps.create_git_repository,
        environment_steps.create_kustomization,
    ):
        operations.patiently(step, operation_id, "dev")

    [asked] = project.mergerequests.list(state="opened")
    project.mergerequests.get(asked.iid).merge()
    environment_steps.create_git_repository(operations.services, operation_id, "dev")
    operations.wait(operation_id, "dev")
    operations.patiently(sync.mark_environment_synced, operation_id, "dev")
    project_steps.mark_project_synced(operations.services, operation_id)

    state = operations.services.records.projects.find(request["slug"]).state
    assert state.status == "synced"


def test_one_whose_merge_request_was_closed_says_so(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations)
    project = existing(api, group, request["slug"])
    operation_id = until_pushed(operations, request)
    [asked] = project.mergerequests.list(state="opened")
    found = project.mergerequests.get(asked.iid)
    found.state_event = "close"
    found.save()

    with pytest.raises(Rejected, match="was closed without being merged"):
        project_steps.push_template(operations.services, operation_id)


def test_an_adopted_repository_is_never_rolled_back(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations, on_failure="rollback", sync_deadline=10)
    project = existing(api, group, request["slug"])

    operation = operations.run(request)  # nobody merges

    assert operation.status == "failed"
    assert "merge request" in str(operation.message)
    assert not getattr(api.projects.get(project.id), "marked_for_deletion_on", None)


def test_an_empty_repository_is_adopted_with_a_first_commit(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations)
    existing(api, group, request["slug"], initialize_with_readme=False)

    operation = operations.run(request)

    assert operation.status == "succeeded", operation.message


def test_another_default_branch_is_told_before_anything_is_done(
    operations: Driver, api: gitlab.Gitlab, group: Any
) -> None:
    request = adopting(operations)
    existing(api, group, request["slug"], default_branch="trunk")
    operation_id = operations.accept(request)

    with pytest.raises(PreflightFailed, match="has default branch trunk"):
        preflight.preflight(operations.services, operation_id)


@pytest.mark.parametrize("choice", ["refuse", "restore"])
def test_the_projects_own_repository_marked_for_deletion(
    operations: Driver, api: gitlab.Gitlab, choice: str
) -> None:
    request = operations.request()
    first = operations.run(request)
    recorded = operations.services.records.resources.repository(first.project_id)
    api.projects.delete(recorded.gitlab_id)
    repository = {"group_path": "platform", "on_pending_deletion": choice}

    again = operations.run(request | {"project_id": str(first.project_id), "repository": repository})

    found = api.projects.get(recorded.gitlab_id)
    if choice == "refuse":
        assert again.reason == "PreflightFailed"
        assert "Set repository.on_pending_deletion to restore" in str(again.message)
        assert found.marked_for_deletion_on
    else:
        assert again.status == "succeeded", again.message
        assert not found.marked_for_deletion_on
        assert found.path_with_namespace == f"platform/{request['slug']}"
