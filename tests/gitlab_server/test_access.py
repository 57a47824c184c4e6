"""Scopes, roles and visibility: who sees what, who may do what, and how a refusal is put."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gitlab
import httpx
import pytest
from gitlab.v4.objects import Project

from tests.gitlab_server.conftest import Server, World, token_of, unique


@pytest.fixture(scope="module")
def project(world: World) -> Project:
    return world.project()


def _status(server: Server, client: gitlab.Gitlab | None, method: str, address: str, **body: Any) -> int:
    headers = {"PRIVATE-TOKEN": token_of(client)} if client is not None else {}
    return httpx.request(method, f"{server.api}{address}", headers=headers, json=body or None).status_code


@pytest.mark.parametrize(
    ("role", "seen", "code", "branch", "hook", "archive"),
    [
        ("admin", 200, 200, 201, 201, 201),
        ("owner", 200, 200, 201, 201, 201),
        ("maintainer", 200, 200, 201, 201, 403),
        ("developer", 200, 200, 201, 403, 403),
        ("reporter", 200, 200, 403, 403, 403),
        ("guest", 200, 403, 403, 403, 403),
        ("outsider", 404, 404, 404, 404, 404),
        (None, 404, 404, 401, 401, 401),
    ],
)
def test_roles(
    server: Server, world: World, role: str | None, seen: int, code: int, branch: int, hook: int, archive: int
) -> None:
    project = world.project()
    client = getattr(world, role) if role else None
    path = f"/projects/{project.id}"
    branches = {"branch": unique("b"), "ref": "main"}
    assert _status(server, client, "GET", path) == seen
    assert _status(server, client, "GET", f"{path}/repository/tree") == code
    assert _status(server, client, "POST", f"{path}/repository/branches", **branches) == branch
    assert _status(server, client, "POST", f"{path}/hooks", url="http://127.0.0.1:9/x") == hook
    assert _status(server, client, "POST", f"{path}/archive") == archive


@pytest.mark.parametrize(
    ("scopes", "user", "read", "write", "file"),
    [
        (["api"], 200, 200, 201, 200),
        (["read_api"], 200, 200, 403, 200),
        (["read_user"], 200, 403, 403, 403),
        (["read_repository"], 403, 403, 403, 200),
        (["write_repository"], 403, 403, 403, 403),
    ],
)
def test_scopes(
    server: Server,
    world: World,
    project: Project,
    scopes: list[str],
    user: int,
    read: int,
    write: int,
    file: int,
) -> None:
    assert world.owner.user is not None
    owner = world.admin.users.get(world.owner.user.id)
    token = owner.personal_access_tokens.create({"name": "scoped", "scopes": scopes}).token
    headers = {"PRIVATE-TOKEN": token}
    path = f"{server.api}/projects/{project.id}"
    assert httpx.get(f"{server.api}/user", headers=headers).status_code == user
    assert httpx.get(path, headers=headers).status_code == read
    created = httpx.post(
        f"{path}/repository/branches", headers=headers, json={"branch": unique("b"), "ref": "main"}
    )
    assert created.status_code == write
    raw = httpx.get(f"{path}/repository/files/README.md/raw", headers=headers, params={"ref": "main"})
    assert raw.status_code == file
    if write == 403:
        assert created.json()["error"] == "insufficient_scope"
        assert created.json()["scope"] == "api"


def test_a_token_is_taken_from_either_header(server: Server, world: World) -> None:
    token = token_of(world.owner)
    for headers in ({"PRIVATE-TOKEN": token}, {"Authorization": f"Bearer {token}"}):
        assert httpx.get(f"{server.api}/user", headers=headers).status_code == 200


def test_visibility(server: Server, world: World, new_user: Callable[..., gitlab.Gitlab]) -> None:
    external = new_user("external")
    assert external.user is not None
    world.admin.users.update(external.user.id, {"external": True})
    expected = {"private": (404, 404, 404), "internal": (200, 404, 404), "public": (200, 200, 200)}
    for visibility, statuses in expected.items():
        project = world.owner.projects.create({"name": unique(visibility), "visibility": visibility})
        found = [
            _status(server, client, "GET", f"/projects/{project.id}")
            for client in (world.outsider, external, None)
        ]
        assert tuple(found) == statuses


def test_only_the_owner_moves_and_opens_a_project(server: Server, world: World, project: Project) -> None:
    path = f"/projects/{project.id}"
    assert _status(server, world.maintainer, "PUT", path, description="fine") == 200
    assert _status(server, world.maintainer, "PUT", path, path=unique("moved")) == 403
    assert _status(server, world.maintainer, "DELETE", path) == 403


def test_an_invisible_namespace_cannot_be_used(world: World) -> None:
    with pytest.raises(gitlab.GitlabCreateError, match="is not valid"):
        world.outsider.projects.create({"name": unique("x"), "namespace_id": world.group.id})


def test_a_group_decides_who_creates_projects(world: World) -> None:
    values = {"name": unique("g"), "path": unique("g"), "parent_id": world.group.id}
    group = world.owner.groups.create(values | {"project_creation_level": "maintainer"})
    with pytest.raises(gitlab.GitlabCreateError, match="is not valid"):
        world.developer.projects.create({"name": unique("x"), "namespace_id": group.id})
    world.maintainer.projects.create({"name": unique("x"), "namespace_id": group.id})


def test_an_expired_membership_ends(
    server: Server, world: World, new_user: Callable[..., gitlab.Gitlab]
) -> None:
    project, client = world.project(), new_user("leaving")
    assert client.user is not None
    member = project.members.create({"user_id": client.user.id, "access_level": 30})
    assert _status(server, client, "GET", f"/projects/{project.id}") == 200
    member.expires_at = "2001-01-01"
    member.save()
    assert _status(server, client, "GET", f"/projects/{project.id}") == 404


def test_unknown_addresses_answer_json(http: httpx.Client) -> None:
    answer = http.get("/no/such/thing")
    assert (answer.status_code, answer.json()) == (404, {"error": "404 Not Found"})
