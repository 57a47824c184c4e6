"""Groups, subgroups, namespaces, members, users and tokens driven by python-gitlab."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import gitlab
import pytest
from gitlab.exceptions import (
    GitlabCreateError,
    GitlabDeleteError,
    GitlabGetError,
    GitlabGroupTransferError,
    GitlabHttpError,
)

from tests.gitlab_server.conftest import World, unique


def test_create_change_and_delete_a_group(world: World) -> None:
    name = unique("made")
    group = world.owner.groups.create({"name": name, "path": name, "visibility": "internal"})
    group.description = "told"
    group.project_creation_level = "maintainer"
    group.save()
    found = world.owner.groups.get(name)
    assert (found.description, found.project_creation_level) == ("told", "maintainer")
    group.delete()
    assert world.owner.groups.get(group.id).marked_for_deletion_on
    group.restore()
    assert world.owner.groups.get(group.id).marked_for_deletion_on is None


def test_the_group_error_is_one_text(world: World) -> None:
    with pytest.raises(GitlabCreateError) as refused:
        world.owner.groups.create({"name": "taken", "path": world.group.path})
    assert refused.value.response_code == 400
    assert refused.value.error_message == 'Failed to save group {:path=>["has already been taken"]}'


def test_name_and_path_are_both_needed(world: World) -> None:
    with pytest.raises(GitlabHttpError, match="path is missing"):
        world.owner.http_post("/groups", post_data={"name": "x"})


@pytest.mark.parametrize("path", ["api", "admin", "-", "users", "a..b", "x.git", "ä"])
def test_reserved_and_bad_group_paths(world: World, path: str) -> None:
    with pytest.raises(GitlabCreateError, match="Failed to save group"):
        world.owner.groups.create({"name": unique("x"), "path": path})


def test_a_subgroup_may_use_a_name_reserved_at_the_top(world: World) -> None:
    group = world.owner.groups.create({"name": "api", "path": "api", "parent_id": world.group.id})
    assert group.full_path == f"{world.group.full_path}/api"


def test_a_subgroup_is_not_more_open_than_its_parent(world: World) -> None:
    values = {"name": unique("x"), "path": unique("x"), "parent_id": world.group.id, "visibility": "public"}
    with pytest.raises(GitlabCreateError) as refused:
        world.owner.groups.create(values)
    assert "public is not allowed in a private group." in str(refused.value)


def test_renaming_a_group_moves_everything_inside(world: World) -> None:
    group = world.owner.groups.create({"name": unique("g"), "path": unique("g"), "parent_id": world.group.id})
    sub = world.owner.groups.create({"name": "sub", "path": "sub", "parent_id": group.id})
    project = world.project(namespace_id=sub.id)
    old = project.path_with_namespace
    group.path = unique("renamed")
    group.save()
    found = world.owner.projects.get(project.id)
    assert found.path_with_namespace == f"{world.group.full_path}/{group.path}/sub/{project.path}"
    assert world.owner.projects.get(old).id == project.id


def test_transfer_of_a_group(world: World) -> None:
    group = world.owner.groups.create({"name": unique("g"), "path": unique("g"), "parent_id": world.group.id})
    project = world.project(namespace_id=group.id)
    target = world.owner.groups.create(
        {"name": unique("t"), "path": unique("t"), "parent_id": world.group.id}
    )
    group.transfer(target.id)
    assert world.owner.projects.get(project.id).path_with_namespace.startswith(target.full_path)
    with pytest.raises(GitlabGroupTransferError, match="subgroups"):
        target.transfer(group.id)
    group.transfer()
    assert world.owner.groups.get(group.id).parent_id is None


def test_only_marked_subgroups_are_removed_at_once(world: World) -> None:
    sub = world.owner.groups.create({"name": unique("s"), "path": unique("s"), "parent_id": world.group.id})
    project = world.project(namespace_id=sub.id)
    with pytest.raises(GitlabDeleteError, match="must be marked"):
        world.owner.groups.delete(sub.id, permanently_remove=True, full_path=sub.full_path)
    sub.delete()
    world.owner.groups.delete(sub.id, permanently_remove=True, full_path=sub.full_path)
    for gone in (lambda: world.owner.groups.get(sub.id), lambda: world.owner.projects.get(project.id)):
        with pytest.raises(GitlabGetError):
            gone()
    with pytest.raises(GitlabDeleteError, match="only available for subgroups"):
        world.owner.groups.delete(world.group.id, permanently_remove=True, full_path=world.group.full_path)


def test_lists_of_groups(world: World) -> None:
    sub = world.owner.groups.create({"name": unique("s"), "path": unique("s"), "parent_id": world.group.id})
    assert sub.id in {row.id for row in world.group.subgroups.list(iterator=True)}
    assert sub.id in {row.id for row in world.group.descendant_groups.list(iterator=True)}
    assert [row.id for row in world.owner.groups.list(search=sub.path, get_all=True)] == [sub.id]
    assert world.outsider.groups.list(search=sub.path, get_all=True) == []


def test_namespaces(world: World) -> None:
    assert world.owner.namespaces.get(world.group.full_path).id == world.group.id
    assert world.owner.user is not None
    own = world.owner.namespaces.list(search=world.owner.user.username, get_all=True)[0]
    assert (own.kind, own.full_path) == ("user", world.owner.user.username)
    assert world.owner.namespaces.exists(world.group.full_path).exists is True
    assert world.owner.namespaces.exists(unique("free")).exists is False


def test_members(world: World, new_user: Callable[..., gitlab.Gitlab]) -> None:
    user = new_user("joining").user
    assert user is not None
    member = world.group.members.create({"user_id": user.id, "access_level": 30})
    with pytest.raises(GitlabCreateError, match="Member already exists") as refused:
        world.group.members.create({"user_id": user.id, "access_level": 30})
    assert refused.value.response_code == 409
    member.access_level = 40
    member.save()
    project = world.project()
    assert project.members_all.get(user.id).access_level == 40
    assert user.id not in {row.id for row in project.members.list(iterator=True)}
    member.delete()
    with pytest.raises(GitlabGetError, match="404 Not Found"):
        world.group.members.get(user.id)


def test_nobody_grants_more_than_they_have(world: World, new_user: Callable[..., gitlab.Gitlab]) -> None:
    project = world.maintainer.projects.get(world.project().id)
    user = new_user("joining").user
    assert user is not None
    with pytest.raises(GitlabCreateError) as refused:
        project.members.create({"user_id": user.id, "access_level": 50})
    assert refused.value.response_code == 403


def test_project_access_tokens(world: World, clients: Callable[[str | None], gitlab.Gitlab]) -> None:
    project = world.project()
    until = (date.today() + timedelta(days=30)).isoformat()  # noqa: DTZ011 - any day that is near
    values = {"name": "bot", "scopes": ["api"], "access_level": 30, "expires_at": until}
    token = project.access_tokens.create(values)
    bot = clients(token.token)
    bot.auth()
    assert bot.user is not None
    assert bot.user.bot is True
    assert bot.projects.get(project.id).id == project.id
    with pytest.raises(GitlabGetError, match="404"):
        bot.projects.get(world.project().id)
    with pytest.raises(GitlabCreateError):
        bot.projects.get(project.id).access_tokens.create(values)
    old = token.token
    token.rotate()
    assert token.token != old
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401: invalid_token"):
        clients(old).auth()
    renewed = clients(token.token)
    renewed.auth()
    project.access_tokens.list(get_all=True)[-1].delete()
    with pytest.raises(gitlab.GitlabAuthenticationError):
        renewed.auth()


def test_group_access_tokens_reach_the_groups_projects(
    world: World, clients: Callable[[str | None], gitlab.Gitlab]
) -> None:
    token = world.group.access_tokens.create(
        {"name": "bot", "scopes": ["read_api"], "access_level": 20, "expires_at": "2027-01-01"}
    )
    project = world.project()
    assert clients(token.token).projects.get(project.id).id == project.id
    assert token.resource_type == "group"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"scopes": ["everything"]}, "Scopes can only contain available scopes"),
        ({"scopes": []}, "Scopes can't be blank"),
        ({"expires_at": "2001-01-01"}, "Expiration date must be in the future"),
        ({"expires_at": "2999-01-01"}, "Expiration date must be before"),
        ({"expires_at": "soon"}, "expires_at is invalid"),
    ],
)
def test_bad_tokens_are_refused(world: World, values: dict[str, object], text: str) -> None:
    with pytest.raises(GitlabCreateError, match=text):
        world.project().access_tokens.create({"name": "x", "scopes": ["api"]} | values)


def test_an_own_token_knows_and_rotates_itself(
    new_user: Callable[..., gitlab.Gitlab], clients: Callable[[str | None], gitlab.Gitlab]
) -> None:
    user = new_user("rotating", ["read_user", "self_rotate"])
    own = user.personal_access_tokens.get("self")
    assert own.scopes == ["read_user", "self_rotate"]
    before = own.id
    renewed = own.rotate(self_rotate=True)
    assert renewed["id"] != before
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401: invalid_token"):
        user.auth()
    clients(renewed["token"]).auth()


def test_administrators_make_users(world: World) -> None:
    name = unique("new")
    values = {"username": name, "name": "New", "email": f"{name}@example.org"}
    user = world.admin.users.create(values)
    assert world.admin.users.list(username=name.upper(), get_all=True)[0].id == user.id
    with pytest.raises(GitlabCreateError) as refused:
        world.admin.users.create(values | {"username": unique("other")})
    assert refused.value.response_code == 409
    with pytest.raises(GitlabCreateError) as refused:
        world.owner.users.create(values)
    assert refused.value.response_code == 403


def test_a_blocked_user_is_locked_out(world: World, new_user: Callable[..., gitlab.Gitlab]) -> None:
    client = new_user("blocked")
    assert client.user is not None
    world.admin.users.get(client.user.id).block()
    with pytest.raises(gitlab.GitlabAuthenticationError):
        client.auth()


def test_version_and_metadata_need_a_token(
    world: World, clients: Callable[[str | None], gitlab.Gitlab]
) -> None:
    assert world.guest.version()[0].startswith("18.")
    assert world.guest.http_get("/metadata")["enterprise"] is False  # type: ignore[index]
    with pytest.raises(gitlab.GitlabAuthenticationError, match="401 Unauthorized"):
        clients(None).http_get("/version")
