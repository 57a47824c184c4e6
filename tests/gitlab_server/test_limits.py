"""Limits: both kinds of 429, quotas, headers of pages, totals that vanish, offsets that end."""

from __future__ import annotations

import httpx
import pytest
from gitlab.exceptions import GitlabCreateError

from sandbox.gitlab.faults import FaultClient
from tests.gitlab_server.conftest import World, token_of, unique


def test_requests_beyond_the_limit(http: httpx.Client, world: World, control: FaultClient) -> None:
    headers = {"PRIVATE-TOKEN": token_of(world.guest)}
    assert http.get("/user", headers=headers).headers["RateLimit-Limit"] == "2000"
    control.set_limits(requests_per_minute=3)
    answers = [http.get("/user", headers=headers) for _ in range(5)]
    refused = answers[-1]
    assert (refused.status_code, refused.text) == (429, "Retry later\n")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    control.set_limits()
    assert http.get("/user", headers=headers).status_code == 200


def test_quota_of_project_creations(world: World, control: FaultClient) -> None:
    control.set_limits(project_creations_per_day=2)
    for _ in range(2):
        world.project(initialize_with_readme=False)
    values = {"name": unique("beyond"), "namespace_id": world.group.id}
    with pytest.raises(GitlabCreateError, match="requested too many times") as refused:
        world.owner.projects.create(values, obey_rate_limit=False)
    assert refused.value.response_code == 429


def test_page_headers(http: httpx.Client, world: World) -> None:
    topic = unique("paged")
    project = world.project(topics=[topic])
    for number in range(4):
        project.branches.create({"branch": f"b{number}", "ref": "main"})
    address = f"/projects/{project.id}/repository/branches"
    middle = http.get(address, params={"per_page": 2, "page": 2})
    shown = {name: middle.headers[f"X-{name}"] for name in ("Page", "Per-Page", "Total", "Total-Pages")}
    assert shown == {"Page": "2", "Per-Page": "2", "Total": "5", "Total-Pages": "3"}
    assert (middle.headers["X-Next-Page"], middle.headers["X-Prev-Page"]) == ("3", "1")
    assert set(middle.links) == {"prev", "next", "first", "last"}
    assert f"id={project.id}" in middle.links["next"]["url"], "the path parameter leaks into the link"
    last = http.get(address, params={"per_page": 2, "page": 3})
    assert last.headers["X-Next-Page"] == ""
    empty = http.get("/projects", params={"topic": unique("none")})
    assert (empty.headers["X-Total"], empty.headers["X-Total-Pages"]) == ("0", "1")
    assert http.get("/projects", params={"per_page": 1000}).headers["X-Per-Page"] == "100"


def test_totals_vanish_in_long_lists(http: httpx.Client, world: World, control: FaultClient) -> None:
    for _ in range(3):
        world.project(initialize_with_readme=False)
    control.set_limits(largest_counted_list=2)
    answer = http.get("/projects", params={"per_page": 1})
    assert "X-Total" not in answer.headers
    assert "X-Total-Pages" not in answer.headers
    assert "last" not in answer.links
    assert answer.links["next"]


def test_offsets_end_and_keysets_go_on(http: httpx.Client) -> None:
    refused = http.get("/projects", params={"page": 502, "per_page": 100})
    assert refused.status_code == 405
    assert refused.json()["error"].startswith("Offset pagination has a maximum allowed offset of 50000")
    answer = http.get(
        "/projects", params={"pagination": "keyset", "order_by": "id", "per_page": 1, "sort": "asc"}
    )
    assert answer.status_code == 200
    assert "X-Total" not in answer.headers
    assert "id_after=" in answer.links["next"]["url"]
    unable = http.get("/projects", params={"pagination": "keyset", "order_by": "name"})
    assert unable.status_code == 405
