"""Hostile and malformed requests: refused with a 4xx in one of GitLab's two shapes, never a 5xx."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from gitlab.v4.objects import Project
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.gitlab_server.conftest import World, unique

_HUGE = 99999999999999999999
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = [
    "name", "path", "namespace_id", "description", "visibility", "topics", "default_branch", "build_timeout",
    "issues_access_level", "wiki_enabled", "initialize_with_readme", "ci_default_git_depth", "merge_method",
]  # fmt: skip


@pytest.fixture(scope="module")
def project(world: World) -> Project:
    return world.project()


def _commit(**action: Any) -> dict[str, Any]:
    return {"branch": "main", "commit_message": "x", "actions": [{"action": "create"} | action]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "", {"build_timeout": "long"}, 400),
        ("PUT", "", {"issues_access_level": None}, 400),
        ("PUT", "", {"default_branch": "absent"}, 400),
        ("PUT", "", {"description": "x" * 2001}, 400),
        ("POST", "/repository/commits", _commit(file_path="a", content="\ud83d"), 400),
        ("POST", "/repository/commits", _commit(file_path="README.md/x", content="x"), 400),
        ("POST", "/repository/commits", _commit(action="explode", file_path="x"), 400),
        ("POST", "/repository/commits", {"branch": "main", "commit_message": "x", "actions": "none"}, 400),
        ("POST", "/repository/branches", {"branch": "../x", "ref": "main"}, 400),
        ("POST", "/members", {"user_id": _HUGE, "access_level": 30}, 404),
        ("POST", "/members", {"user_id": 1, "access_level": 31}, 400),
        ("POST", "/members", {"access_level": 30}, 400),
        ("POST", "/deploy_tokens", {"name": "x", "scopes": "read_repository"}, 400),
        ("POST", "/hooks", {}, 400),
        ("POST", "/statuses/main", {"state": "great"}, 400),
        ("POST", "/environments", {"name": "a;b"}, 400),
        ("POST", "/variables", {"key": "a b", "value": "x"}, 400),
        ("PUT", "/transfer", {"namespace": "../../x"}, 404),
        ("GET", "/repository/tree?ref=main&path=../..", None, 404),
        ("GET", "/repository/tree?ref=..", None, 404),
        ("GET", "/repository/branches?regex=(", None, 400),
        ("GET", "/repository/commits?since=yesterday", None, 400),
        ("GET", "/repository/files/%2e%2e%2fetc%2fpasswd?ref=main", None, 404),
        ("GET", f"/hooks/{_HUGE}", None, 404),
        ("GET", "/hooks/abc", None, 400),
        ("PATCH", "", {}, 404),
    ],
)
def test_refused(
    http: httpx.Client, project: Project, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    content = None if body is None else json.dumps(body)  # escapes what cannot be encoded
    headers = {"Content-Type": "application/json"}
    answer = http.request(method, f"/projects/{project.id}{path}", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json().keys() <= {"message", "error"}


@pytest.mark.parametrize(
    "path",
    [
        f"/users/{_HUGE}",
        f"/projects/{_HUGE}",
        f"/projects?id_after={_HUGE}",
        "/groups/%00",
        "/projects/a%2F%00",
        "/projects/%ff%2F%fe",
        "/groups/..%2F..",
    ],
)
def test_nothing_is_there(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404


def test_dates_without_zone_are_utc(project: Project) -> None:
    token = project.deploytokens.create(
        {"name": "x", "scopes": ["read_repository"], "expires_at": "2999-01-01"}
    )
    assert token.expires_at == "2999-01-01T00:00:00.000Z"
    past = project.deploytokens.create(
        {"name": "x", "scopes": ["read_repository"], "expires_at": "2001-01-01"}
    )
    assert past.expired is True


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=4))
@example({"namespace_id": 2**63})
@example({"namespace_id": -(2**63) - 1})
def test_no_values_break_the_server(http: httpx.Client, world: World, values: dict[str, Any]) -> None:
    body = {"name": unique("fuzz"), "namespace_id": world.group.id} | values
    assert http.post("/projects", json=body).status_code in (201, 400)
