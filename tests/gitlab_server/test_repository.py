"""Branches, protection, tags, files, commits, tree and comparison driven by python-gitlab."""

from __future__ import annotations

from typing import Any

import pytest
from gitlab.exceptions import GitlabCreateError, GitlabDeleteError, GitlabGetError, GitlabHttpError
from gitlab.v4.objects import Project

from tests.gitlab_server.conftest import World, unique


@pytest.fixture(scope="module")
def project(world: World) -> Project:
    return world.project()


def _commit(project: Project, branch: str, *actions: dict[str, Any], **values: Any) -> Any:
    body = {"branch": branch, "commit_message": "change", "actions": list(actions)}
    return project.commits.create(body | values)


def test_branches(project: Project) -> None:
    name = f"feature/{unique('x')}"
    branch = project.branches.create({"branch": name, "ref": "main"})
    assert project.branches.get(name).commit["id"] == project.branches.get("main").commit["id"]
    assert project.branches.get(name).merged is True
    assert name in [row.name for row in project.branches.list(search="^feature/", iterator=True)]
    with pytest.raises(GitlabCreateError, match="Branch already exists"):
        project.branches.create({"branch": name, "ref": "main"})
    branch.delete()
    with pytest.raises(GitlabGetError, match="404 Branch Not Found"):
        project.branches.get(name)


@pytest.mark.parametrize(
    ("branch", "ref", "text"),
    [
        ("fine", "absent", "Invalid reference name: absent"),
        ("two..dots", "main", "Branch name is invalid"),
        ("with space", "main", "Branch name is invalid"),
        ("", "main", "branch is empty"),
    ],
)
def test_bad_branches(project: Project, branch: str, ref: str, text: str) -> None:
    with pytest.raises(GitlabCreateError, match=text):
        project.branches.create({"branch": branch, "ref": ref})


def test_the_default_branch_stays(project: Project) -> None:
    with pytest.raises(GitlabDeleteError, match="Cannot remove HEAD branch"):
        project.branches.delete("main")


def test_protection(project: Project) -> None:
    with pytest.raises(GitlabCreateError, match="Protected branch 'main' already exists") as refused:
        project.protectedbranches.create({"name": "main"})
    assert refused.value.response_code == 409
    with pytest.raises(GitlabCreateError) as refused:
        project.protectedbranches.create({"name": unique("x"), "push_access_level": 35})
    assert refused.value.response_code == 422
    name = f"{unique('release')}-*"
    row = project.protectedbranches.create({"name": name, "push_access_level": 0, "merge_access_level": 30})
    assert row.push_access_levels[0]["access_level_description"] == "No one"
    row.allow_force_push = True
    row.save()
    level = project.protectedbranches.get(name).push_access_levels[0]["id"]
    changed = {"allowed_to_push": [{"id": level, "access_level": 40}, {"access_level": 30}]}
    answer: Any = project.manager.gitlab.http_patch(
        f"/projects/{project.id}/protected_branches/{name}", post_data=changed
    )
    assert [item["access_level"] for item in answer["push_access_levels"]] == [40, 30]
    assert answer["allow_force_push"] is True
    row.delete()
    with pytest.raises(GitlabGetError, match="404 Not Found"):
        project.protectedbranches.get(name)


def test_developers_do_not_write_to_protected_branches(world: World, project: Project) -> None:
    theirs = world.developer.projects.get(project.id)
    with pytest.raises(GitlabCreateError, match="not allowed to push into this branch") as refused:
        _commit(theirs, "main", {"action": "create", "file_path": unique("x"), "content": "x"})
    assert refused.value.response_code == 403
    with pytest.raises(GitlabCreateError, match="not allowed to push into this branch") as refused:
        theirs.files.create({"file_path": "x", "branch": "main", "content": "x", "commit_message": "x"})
    assert refused.value.response_code == 400
    assert theirs.branches.get("main").can_push is False
    _commit(
        theirs,
        unique("own"),
        {"action": "create", "file_path": unique("x"), "content": "x"},
        start_branch="main",
    )


def test_tags(project: Project) -> None:
    name = unique("v1")
    tag = project.tags.create({"tag_name": name, "ref": "main", "message": "first"})
    assert (tag.message, tag.target == tag.commit["id"]) == ("first", False)
    light = project.tags.create({"tag_name": unique("v2"), "ref": "main"})
    assert light.target == light.commit["id"]
    with pytest.raises(GitlabCreateError, match="already exists"):
        project.tags.create({"tag_name": name, "ref": "main"})
    with pytest.raises(GitlabCreateError, match="Target is invalid"):
        project.tags.create({"tag_name": unique("v3"), "ref": "absent"})
    tag.delete()
    with pytest.raises(GitlabGetError, match="404 Tag Not Found"):
        project.tags.get(name)


def test_files(project: Project) -> None:
    path = f"some/{unique('folder')}/naïve file.txt"
    values = {"file_path": path, "branch": "main", "commit_message": "add"}
    file = project.files.create(values | {"content": "one"})
    with pytest.raises(GitlabCreateError, match="A file with this name already exists"):
        project.files.create(values | {"content": "two"})
    file = project.files.get(path, ref="main")
    assert file.decode() == b"one"
    stale = file.last_commit_id
    file.content = "two"
    file.save(branch="main", commit_message="change")
    assert project.files.raw(path, ref="main") == b"two"
    body = {"branch": "main", "commit_message": "late", "content": "lost", "last_commit_id": stale}
    with pytest.raises(GitlabHttpError, match="has changed since you started editing it"):
        project.manager.gitlab.http_put(
            f"/projects/{project.id}/repository/files/{path.replace('/', '%2F').replace(' ', '%20')}",
            post_data=body,
        )
    head = project.files.head(path, ref="main")
    assert head["X-Gitlab-Size"] == "3"
    file.delete(branch="main", commit_message="remove")
    with pytest.raises(GitlabGetError, match="404 File Not Found"):
        project.files.get(path, ref="main")


@pytest.mark.parametrize(
    "path", ["../escape", "/../x", "a/../../b", ".git/hooks/x", "a/.GIT/config", "a//b", "nul\x00"]
)
def test_hostile_paths_are_refused(project: Project, path: str) -> None:
    with pytest.raises(GitlabCreateError):
        _commit(project, "main", {"action": "create", "file_path": path, "content": "x"})


def test_a_commit_of_many_actions_is_all_or_nothing(project: Project) -> None:
    base = unique("many")
    commit = _commit(
        project,
        base,
        {"action": "create", "file_path": f"{base}/a", "content": "a"},
        {"action": "create", "file_path": f"{base}/b", "content": "AGI=", "encoding": "base64"},
        start_branch="main",
        author_name="Grace",
        author_email="grace@example.org",
    )
    assert (commit.author_name, commit.stats["additions"]) == ("Grace", 1)
    moved = _commit(
        project,
        base,
        {"action": "move", "file_path": f"{base}/c", "previous_path": f"{base}/a"},
        {"action": "chmod", "file_path": f"{base}/b", "execute_filemode": True},
        {"action": "update", "file_path": "README.md", "content": "new"},
    )
    tree = {row["path"]: row["mode"] for row in project.repository_tree(base, ref=base, get_all=True)}
    assert tree == {f"{base}/b": "100755", f"{base}/c": "100644"}
    with pytest.raises(GitlabCreateError, match="doesn't exist"):
        _commit(
            project,
            base,
            {"action": "create", "file_path": f"{base}/d", "content": "d"},
            {"action": "delete", "file_path": "absent"},
        )
    assert project.branches.get(base).commit["id"] == moved.id


def test_the_first_commit_of_an_empty_repository(world: World) -> None:
    project = world.project(initialize_with_readme=False)
    _commit(project, "trunk", {"action": "create", "file_path": "a", "content": "a"})
    found = world.owner.projects.get(project.id)
    assert (found.default_branch, found.empty_repo) == ("trunk", False)
    assert [row.name for row in found.protectedbranches.list()] == ["trunk"]


def test_an_unknown_branch_is_not_made_by_accident(project: Project) -> None:
    with pytest.raises(GitlabCreateError, match="when you are on a branch"):
        _commit(project, unique("absent"), {"action": "create", "file_path": "a", "content": "a"})


def test_commits_of_all_branches_are_listed_when_asked_for(project: Project) -> None:
    branch, path = unique("side"), unique("file")
    action = {"action": "create", "file_path": path, "content": "x"}
    commit = _commit(project, branch, action, start_branch="main")
    assert commit.id not in [row.id for row in project.commits.list(get_all=True)]
    listed = project.commits.list(query_parameters={"all": True}, get_all=True)
    assert commit.id in [row.id for row in listed]


def test_commits_are_listed_and_filtered(project: Project) -> None:
    path = unique("only")
    commit = _commit(project, "main", {"action": "create", "file_path": path, "content": "x"})
    assert project.commits.list(query_parameters={"path": path}, get_all=True)[0].id == commit.id
    assert len(project.commits.list(query_parameters={"path": path}, get_all=True)) == 1
    assert project.commits.list(get_all=False, per_page=1)[0].id == commit.id
    assert project.commits.get(commit.short_id).id == commit.id
    assert commit.diff(get_all=True)[0]["new_path"] == path
    assert {"type": "branch", "name": "main"} in commit.refs(get_all=True)
    with pytest.raises(GitlabGetError, match="404 Commit Not Found"):
        project.commits.get("f" * 40)


def test_tree_compare_and_merge_base(project: Project) -> None:
    base = project.branches.get("main").commit["id"]
    branch = unique("compare")
    _commit(project, branch, {"action": "create", "file_path": branch, "content": "x\n"}, start_branch="main")
    compared: Any = project.repository_compare("main", branch)
    assert [row["new_path"] for row in compared["diffs"]] == [branch]
    assert compared["diffs"][0]["diff"].startswith("@@ -0,0 +1 @@")
    assert len(compared["commits"]) == 1
    assert project.repository_merge_base(["main", branch])["id"] == base  # type: ignore[index]
    with pytest.raises(GitlabGetError, match="404"):
        project.repository_tree(path="absent")
    assert any(row["name"] == "README.md" for row in project.repository_tree(recursive=True, iterator=True))


def test_statuses(project: Project) -> None:
    commit = project.commits.get("main")
    commit.statuses.create({"state": "running", "name": "build"})
    commit.statuses.create({"state": "success", "name": "build", "target_url": "https://example.org/1"})
    with pytest.raises(GitlabCreateError, match="Cannot transition status"):
        commit.statuses.create({"state": "success", "name": "build"})
    assert [(row.name, row.status) for row in commit.statuses.list(get_all=True)] == [("build", "success")]
    assert project.commits.get("main").status == "success"
