"""An environment joins a living project, by files that are only added."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import gitlab
import pytest

from groundwork.errors import InvalidRequest

from .lifecycle import Lifecycle

Kubectl = Callable[..., Any]


def repository(api: gitlab.Gitlab, life: Lifecycle, project: Any) -> Any:
    return api.projects.get(life.records.resources.repository(project.id).gitlab_id)


def test_an_environment_is_added_on_top_of_what_others_committed(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev")
    found = repository(api, life, project)
    theirs = "deploy/overlays/prod/README.md"
    found.files.create(
        {"file_path": theirs, "branch": "main", "content": "ours", "commit_message": "Somebody's work"}
    )
    before = found.commits.list(get_all=True)

    operation = life.extend(project, "prod")

    assert operation.status == "succeeded", operation.message
    assert set(life.states(project).values()) == {"synced"}
    assert kubectl("get", "configmap", "settings", "-n", f"project-{project.slug}-prod", "-o", "json")
    after = found.commits.list(get_all=True)
    assert [commit.id for commit in after[1:]] == [commit.id for commit in before]
    assert {item["new_path"] for item in after[0].diff(get_all=True)} == {
        "deploy/overlays/prod/kustomization.yaml",
        "deploy/overlays/prod/settings.yaml",
    }
    assert found.files.raw(file_path=theirs, ref="main") == b"ours"


def test_an_overlay_that_is_there_is_used_as_it_is(life: Lifecycle, api: gitlab.Gitlab) -> None:
    project = life.project("dev", "prod")
    life.decommission(project, environment_ids=["prod"])
    before = [commit.id for commit in repository(api, life, project).commits.list(get_all=True)]

    for _ in range(2):
        operation = life.extend(project, "prod")
        assert operation.status == "succeeded", operation.message

    assert [commit.id for commit in repository(api, life, project).commits.list(get_all=True)] == before
    assert set(life.states(project).values()) == {"synced"}


def test_where_the_branch_takes_no_pushes_people_are_asked(life: Lifecycle, api: gitlab.Gitlab) -> None:
    project = life.project("dev")
    found = repository(api, life, project)
    found.protectedbranches.get("main").delete()
    found.protectedbranches.create({"name": "main", "push_access_level": 0, "merge_access_level": 40})

    merging = threading.Thread(target=_merge_when_asked, args=(found,))
    merging.start()
    operation = life.extend(project, "prod")
    merging.join()

    assert operation.status == "succeeded", operation.message
    [asked] = found.mergerequests.list(state="merged", get_all=True)
    assert asked.title == "Add environment prod"
    assert set(life.states(project).values()) == {"synced"}


def _merge_when_asked(found: Any) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for asked in found.mergerequests.list(state="opened", get_all=True):
            asked.merge()
            return
        time.sleep(0.5)


def test_others_of_the_project_are_left_as_they_are(life: Lifecycle, kubectl: Kubectl) -> None:
    project = life.project("dev")
    uid = ("get", "kustomization", project.slug, "-n", f"project-{project.slug}-dev", "-o", "json")
    before = kubectl(*uid)["metadata"]

    assert life.extend(project, "prod").status == "succeeded"

    after = kubectl(*uid)["metadata"]
    assert (after["uid"], after["generation"]) == (before["uid"], before["generation"])


def test_what_cannot_be_added_is_refused(life: Lifecycle) -> None:
    project = life.project("dev")
    with pytest.raises(InvalidRequest, match="environment_ids"):
        life.extend(project, "no-such-environment")
    life.decommission(project)
    with pytest.raises(InvalidRequest, match="restore it first"):
        life.extend(project, "prod")
