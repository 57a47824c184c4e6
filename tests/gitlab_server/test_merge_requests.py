"""Merge requests driven by python-gitlab: open, change, conflict, merge, follow the branches."""

from __future__ import annotations

from typing import Any

import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError, GitlabMRClosedError
from gitlab.v4.objects import Project, ProjectMergeRequest

from tests.gitlab_server.conftest import Git, World, token_of, unique


@pytest.fixture
def project(world: World) -> Project:
    return world.project()


def _branch(project: Project, content: str = "x", path: str = "file") -> str:
    name = unique("branch")
    action = {"action": "create", "file_path": path, "content": content}
    values = {"branch": name, "start_branch": "main", "commit_message": name, "actions": [action]}
    project.commits.create(values)
    return name


def _open(project: Project, source: str, **values: Any) -> ProjectMergeRequest:
    made = project.mergerequests.create(
        {"source_branch": source, "target_branch": "main", "title": "Change"} | values
    )
    assert isinstance(made, ProjectMergeRequest)
    return made


def test_merge_and_remove_the_source_branch(project: Project) -> None:
    source = _branch(project)
    request = _open(project, source, remove_source_branch=True, labels=["a", "b"])
    assert (request.iid, request.state, request.detailed_merge_status) == (1, "opened", "mergeable")
    assert request.changes()["changes"][0]["new_path"] == "file"  # type: ignore[index]
    request.merge()
    merged = project.mergerequests.get(1)
    assert merged.state == "merged"
    assert project.branches.get("main").commit["id"] == merged.merge_commit_sha
    assert len(project.branches.get("main").commit["parent_ids"]) == 2
    with pytest.raises(GitlabGetError):
        project.branches.get(source)
    with pytest.raises(GitlabMRClosedError):
        request.merge()


def test_squash(project: Project) -> None:
    request = _open(project, _branch(project), squash=True)
    request.merge()
    assert len(project.branches.get("main").commit["parent_ids"]) == 1
    assert project.mergerequests.get(request.iid).squash_commit_sha


def test_conflict(project: Project) -> None:
    first, second = _branch(project, "one"), _branch(project, "two")
    _open(project, first).merge()
    request = _open(project, second)
    assert (request.has_conflicts, request.detailed_merge_status) == (True, "conflict")
    with pytest.raises(Exception, match="Branch cannot be merged"):
        request.merge()


def test_the_expected_head_must_be_the_head(project: Project) -> None:
    request = _open(project, _branch(project))
    with pytest.raises(Exception, match="SHA does not match HEAD of source branch"):
        request.merge(sha="0" * 40)
    request.merge(sha=request.sha)


def test_one_open_request_per_branch(project: Project) -> None:
    source = _branch(project)
    request = _open(project, source)
    with pytest.raises(GitlabCreateError) as refused:
        _open(project, source)
    assert refused.value.response_code == 409
    request.state_event = "close"
    request.save()
    again = _open(project, source)
    again.state_event = "close"
    again.save()
    request.state_event = "reopen"
    request.save()
    assert request.state == "opened"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"source_branch": "absent"}, 400),
        ({"target_branch": "absent"}, 400),
        ({"source_branch": "main"}, 422),
        ({"title": ""}, 400),
    ],
)
def test_bad_requests(project: Project, values: dict[str, str], status: int) -> None:
    with pytest.raises(GitlabCreateError) as refused:
        _open(project, _branch(project), **values)
    assert refused.value.response_code == status


def test_a_draft_is_not_merged(project: Project) -> None:
    request = _open(project, _branch(project), title="Draft: not yet")
    assert request.draft is True
    with pytest.raises(GitlabMRClosedError):
        request.merge()
    request.title = "now"
    request.save()
    request.merge()


def test_lists(world: World, project: Project) -> None:
    request = _open(project, _branch(project), labels="x,y")
    _open(project, _branch(project)).merge()
    assert [row.iid for row in project.mergerequests.list(state="opened", iterator=True)] == [request.iid]
    assert [row.iid for row in project.mergerequests.list(labels=["x"], iterator=True)] == [request.iid]
    assert request.iid in [row.iid for row in world.group.mergerequests.list(iterator=True)]
    request.delete()
    assert project.mergerequests.list(state="opened", get_all=True) == []


def test_reporters_may_read_but_not_merge(world: World, project: Project) -> None:
    request = _open(project, _branch(project))
    theirs = world.reporter.projects.get(project.id).mergerequests.get(request.iid)
    assert theirs.user == {"can_merge": False}
    with pytest.raises(Exception, match="401"):
        theirs.merge()


def test_a_push_moves_the_head_and_may_merge(world: World, project: Project, git: Git) -> None:
    source = _branch(project)
    request = _open(project, source)
    folder = git.clone(project.http_url_to_repo, token_of(world.owner), "-b", source)
    head = git.commit(folder, "more")
    git.run("push", "-q", cwd=folder, token=token_of(world.owner))
    assert project.mergerequests.get(request.iid).sha == head
    git.run("push", "-q", "origin", "HEAD:main", cwd=folder, token=token_of(world.owner))
    assert project.mergerequests.get(request.iid).state == "merged"
