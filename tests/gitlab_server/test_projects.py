"""Projects driven by python-gitlab: create, read, list, update, move, archive, delete, restore."""

from __future__ import annotations

from typing import Any

import gitlab
import httpx
import pytest
from gitlab.exceptions import (
    GitlabCreateError,
    GitlabDeleteError,
    GitlabGetError,
    GitlabRestoreError,
    GitlabTransferProjectError,
)

from tests.gitlab_server.conftest import Server, World, token_of, unique

_TAKEN = ["has already been taken"]


def test_a_new_project_is_private_and_empty(world: World) -> None:
    project = world.project(initialize_with_readme=False, name=unique("Some Name"))
    assert project.visibility == "private"
    assert project.empty_repo is True
    assert project.default_branch is None
    assert project.path == project.name.lower().replace(" ", "-")
    assert project.import_status == "none"
    assert project.branches.list() == []
    assert project.protectedbranches.list() == []


def test_a_readme_makes_the_default_branch_and_protects_it(world: World) -> None:
    project = world.project(default_branch="trunk")
    assert project.default_branch == "trunk"
    assert [row.name for row in project.protectedbranches.list()] == ["trunk"]
    levels = project.protectedbranches.get("trunk")
    assert [row["access_level"] for row in levels.push_access_levels + levels.merge_access_levels] == [40, 40]
    assert project.readme_url.endswith("/-/blob/trunk/README.md")


@pytest.mark.parametrize("branch", ["refs/heads/main", "two..dots", "ends.lock"])
def test_a_bad_default_branch_silently_gives_an_empty_project(world: World, branch: str) -> None:
    project = world.project(default_branch=branch)
    assert project.empty_repo is True
    assert project.default_branch is None


def test_default_branch_without_readme_has_no_effect(world: World) -> None:
    assert world.project(default_branch="trunk", initialize_with_readme=False).default_branch is None


def test_found_by_encoded_path_whatever_the_case(world: World) -> None:
    project = world.project()
    assert world.owner.projects.get(project.path_with_namespace.upper()).id == project.id


def test_a_second_project_at_the_same_path_is_refused_with_all_keys(world: World) -> None:
    project = world.project()
    with pytest.raises(GitlabCreateError) as refused:
        world.project(name=project.name.upper())
    assert refused.value.response_code == 400
    assert _message(refused.value) == {
        "name": _TAKEN,
        "path": _TAKEN,
        "project_namespace.name": _TAKEN,
    }


def test_only_the_path_may_be_taken(world: World) -> None:
    project = world.project()
    with pytest.raises(GitlabCreateError) as refused:
        world.project(name=unique("other"), path=project.path)
    assert _message(refused.value) == {"path": _TAKEN}


def test_a_group_and_a_project_share_one_space_of_paths(world: World) -> None:
    name = unique("both")
    world.owner.groups.create({"name": name, "path": name, "parent_id": world.group.id})
    with pytest.raises(GitlabCreateError, match="already been taken"):
        world.project(name=name)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"path": "-leading"}, "path"),
        ({"path": "ends.git"}, "path"),
        ({"path": "ends.atom"}, "path"),
        ({"path": "two--dashes"}, "path"),
        ({"path": "../../etc"}, "path"),
        ({"path": "a/b"}, "path"),
        ({"path": "tree"}, "path"),
        ({"path": "; rm -rf"}, "path"),
        ({"path": "ünïcode"}, "path"),
        ({"path": "x" * 256}, "path"),
        ({"name": "<script>"}, "name"),
        ({"name": "$(id)"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"visibility": "public"}, "visibility_level"),
        ({"namespace_id": 999999}, "namespace"),
    ],
)
def test_bad_values_are_refused_by_name(world: World, values: dict[str, Any], field: str) -> None:
    with pytest.raises(GitlabCreateError) as refused:
        world.project(**({"name": unique("fine")} | values))
    assert refused.value.response_code == 400
    assert field in refused.value.error_message


def test_names_may_hold_what_people_write(world: World) -> None:
    name = f"Überprüfung 🚀 {unique('x')}"
    assert world.project(name=name, path=unique("path")).name == name


def test_wrong_types_are_refused_in_the_other_error_shape(http: httpx.Client) -> None:
    answer = http.post(
        "/projects", json={"name": "x", "namespace_id": "not a number", "visibility": "secret"}
    )
    assert answer.status_code == 400
    assert "namespace_id is invalid" in answer.json()["error"]
    assert "visibility does not have a valid value" in answer.json()["error"]


def test_neither_name_nor_path(http: httpx.Client) -> None:
    answer = http.post("/projects", json={})
    assert answer.json() == {"error": "name, path are missing, at least one parameter must be provided"}


def test_import_and_readme_exclude_each_other(http: httpx.Client) -> None:
    body = {"name": "x", "import_url": "https://example.org/x.git", "initialize_with_readme": True}
    assert http.post("/projects", json=body).status_code == 400


def test_a_body_that_is_no_json_is_refused(http: httpx.Client) -> None:
    answer = http.post("/projects", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_parameters_may_come_as_a_form_or_in_the_query(http: httpx.Client, world: World) -> None:
    form = {"name": unique("form"), "namespace_id": str(world.group.id), "topics[]": ["b", "a"]}
    assert http.post("/projects", data=form).json()["topics"] == ["a", "b"]
    query = {"name": unique("query"), "namespace_id": world.group.id}
    assert http.post("/projects", params=query).status_code == 201


def test_saved_changes_are_kept(world: World) -> None:
    project = world.project()
    project.description = "new"
    project.topics = ["x", "y"]
    project.wiki_enabled = False
    project.merge_method = "ff"
    project.save()
    found = world.owner.projects.get(project.id)
    assert (found.description, found.topics, found.merge_method) == ("new", ["x", "y"], "ff")
    assert (found.wiki_enabled, found.wiki_access_level) == (False, "disabled")


def test_lazy_objects_change_without_being_read(world: World) -> None:
    project = world.project()
    world.owner.projects.get(project.id, lazy=True).files.create(
        {"file_path": "x", "branch": "main", "content": "1", "commit_message": "x"}
    )
    assert project.files.get("x", ref="main").decode() == b"1"


def test_rename_redirects_reads_and_refuses_writes(world: World, server: Server) -> None:
    project = world.project()
    old = project.path_with_namespace
    project.path = unique("renamed")
    project.save()
    headers = {"PRIVATE-TOKEN": token_of(world.owner)}
    address = f"{server.api}/projects/{old.replace('/', '%2F')}"
    moved = httpx.get(f"{address}/repository/branches?per_page=5", headers=headers)
    assert moved.status_code == 301
    assert moved.headers["Location"] == f"{server.api}/projects/{project.id}/repository/branches?per_page=5"
    assert world.owner.projects.get(old).path == project.path
    assert httpx.put(address, headers=headers, json={"description": "x"}).status_code == 405


def test_a_new_project_ends_the_redirect(world: World) -> None:
    project = world.project()
    old = project.path
    project.path = project.name = unique("renamed")
    project.save()
    successor = world.project(name=old)
    assert world.owner.projects.get(successor.path_with_namespace).id == successor.id


def test_transfer_moves_and_redirects(world: World) -> None:
    project = world.project()
    target = world.owner.groups.create(
        {"name": unique("sub"), "path": unique("sub"), "parent_id": world.group.id}
    )
    old = project.path_with_namespace
    project.transfer(target.full_path)
    assert world.owner.projects.get(project.id).namespace["id"] == target.id
    assert world.owner.projects.get(old).id == project.id


def test_transfer_onto_a_taken_path_fails(world: World) -> None:
    project = world.project()
    target = world.owner.groups.create(
        {"name": unique("sub"), "path": unique("sub"), "parent_id": world.group.id}
    )
    world.project(name=project.name, namespace_id=target.id)
    with pytest.raises(GitlabTransferProjectError, match="Failed to transfer project") as refused:
        project.transfer(target.id)
    assert refused.value.response_code == 400


def test_transfer_needs_rights_on_both_sides(world: World) -> None:
    project = world.project()
    with pytest.raises(GitlabTransferProjectError) as refused:
        world.maintainer.projects.get(project.id).transfer(world.group.id)
    assert refused.value.response_code == 403


def test_archiving_makes_read_only(world: World) -> None:
    project = world.project()
    project.archive()
    assert world.owner.projects.get(project.id).archived is True
    with pytest.raises(GitlabCreateError) as refused:
        project.branches.create({"branch": "x", "ref": "main"})
    assert refused.value.response_code == 403
    project.unarchive()
    project.branches.create({"branch": "x", "ref": "main"})


def test_deletion_in_two_steps(world: World) -> None:
    project = world.project()
    old = project.path_with_namespace
    project.delete()
    marked = world.owner.projects.get(project.id)
    assert marked.path_with_namespace == f"{old}-deletion_scheduled-{project.id}"
    assert marked.name == f"{project.name}-deletion_scheduled-{project.id}"
    assert marked.marked_for_deletion_on
    assert world.owner.projects.get(old).id == project.id, "the old path redirects to the doomed project"
    with pytest.raises(GitlabDeleteError, match="already marked"):
        marked.delete()
    with pytest.raises(GitlabDeleteError, match="full_path"):
        _remove(world, project.id, old)
    _remove(world, project.id, marked.path_with_namespace)
    with pytest.raises(GitlabGetError, match="404 Project Not Found"):
        world.owner.projects.get(project.id)


def test_removal_needs_the_marking_first(world: World) -> None:
    project = world.project()
    with pytest.raises(GitlabDeleteError, match=r"Project must be marked for deletion first\."):
        _remove(world, project.id, project.path_with_namespace)


def test_restoring_brings_name_and_path_back(world: World) -> None:
    project = world.project()
    project.delete()
    project.restore()
    restored = world.owner.projects.get(project.id)
    assert (restored.name, restored.path) == (project.name, project.path)
    assert restored.marked_for_deletion_on is None
    assert restored.files.get("README.md", ref="main").size > 0


def test_restoring_onto_a_taken_path_fails(world: World) -> None:
    project = world.project()
    project.delete()
    world.project(name=project.name)
    with pytest.raises(GitlabRestoreError, match="already been taken"):
        project.restore()


def test_lists_filter_and_order(world: World) -> None:
    topic = unique("topic")
    made = [world.project(topics=[topic], name=unique(name)) for name in ("ccc", "aaa", "bbb")]
    listed = world.owner.projects.list(topic=topic, order_by="name", sort="asc", get_all=True)
    assert [row.name[:3] for row in listed] == ["aaa", "bbb", "ccc"]
    assert [row.id for row in world.owner.projects.list(search=made[0].name, get_all=True)] == [made[0].id]
    assert world.outsider.projects.list(topic=topic, get_all=True) == []
    assert {row.id for row in world.guest.projects.list(membership=True, iterator=True)} >= {
        row.id for row in made
    }
    assert not hasattr(world.owner.projects.list(topic=topic, simple=True, get_all=True)[0], "merge_method")


def test_group_lists_include_subgroups_when_asked(world: World) -> None:
    sub = world.owner.groups.create(
        {"name": unique("sub"), "path": unique("sub"), "parent_id": world.group.id}
    )
    inner = world.project(namespace_id=sub.id)
    assert inner.id not in {row.id for row in world.group.projects.list(iterator=True)}
    assert inner.id in {row.id for row in world.group.projects.list(iterator=True, include_subgroups=True)}


def test_keyset_lists_every_project_once(world: World) -> None:
    topic = unique("keyset")
    made = {world.project(topics=[topic], initialize_with_readme=False).id for _ in range(7)}
    for sort in ("asc", "desc"):
        listed = world.owner.projects.list(
            topic=topic, iterator=True, pagination="keyset", order_by="id", sort=sort, per_page=3
        )
        ids = [row.id for row in listed]
        assert set(ids) == made
        assert ids == sorted(ids, reverse=sort == "desc")


def test_head_requests_answer_without_body(http: httpx.Client, world: World) -> None:
    project = world.project()
    answer = http.head(f"/projects/{project.id}")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 1000
    assert http.head("/projects/999999").status_code == 404


def test_a_known_answer_is_not_sent_again(http: httpx.Client, world: World) -> None:
    address = f"/projects/{world.project().id}"
    tag = http.get(address).headers["ETag"]
    assert tag.startswith('W/"')
    assert http.get(address, headers={"If-None-Match": tag}).status_code == 304


def test_anonymous_callers_see_public_projects_only(server: Server, world: World) -> None:
    own = world.owner.projects.create({"name": unique("public"), "visibility": "public"})
    hidden = world.project()
    with gitlab.Gitlab(server.url) as nobody:
        shown = nobody.projects.get(own.id)
        assert not hasattr(shown, "permissions")
        with pytest.raises(GitlabGetError, match="404 Project Not Found"):
            nobody.projects.get(hidden.id)


def _message(problem: GitlabCreateError) -> Any:
    """GitLab's `message`, which need not be a text."""
    return problem.error_message


def _remove(world: World, project_id: int, full_path: str) -> None:
    world.owner.projects.delete(project_id, permanently_remove=True, full_path=full_path)
