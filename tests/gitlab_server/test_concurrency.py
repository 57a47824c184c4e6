"""Clients at the same time: one path has one winner, numbers are not given twice, nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx

from tests.gitlab_server.conftest import ADMIN_TOKEN, Server, World, unique

_CLIENTS = 6
_HEADERS = {"PRIVATE-TOKEN": ADMIN_TOKEN}


def _at_once(call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """All calls start together."""
    barrier = Barrier(_CLIENTS)

    def run(number: int) -> httpx.Response:
        barrier.wait(30)
        return call(number)

    with ThreadPoolExecutor(_CLIENTS) as pool:
        return list(pool.map(run, range(_CLIENTS)))


def test_one_path_has_one_winner_always(server: Server, world: World) -> None:
    for _ in range(15):
        name = unique("race")
        spellings = [name, name.upper(), name.title()]

        def create(number: int, spellings: list[str] = spellings) -> httpx.Response:
            body = {
                "name": spellings[number % 3],
                "namespace_id": world.group.id,
                "initialize_with_readme": True,
            }
            return httpx.post(f"{server.api}/projects", json=body, headers=_HEADERS, timeout=60)

        answers = _at_once(create)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 400: _CLIENTS - 1}
        refused = next(answer for answer in answers if answer.status_code == 400)
        assert refused.json()["message"]["path"] == ["has already been taken"]


def test_groups_race_the_same_way(server: Server) -> None:
    name = unique("race")
    answers = _at_once(
        lambda _: httpx.post(
            f"{server.api}/groups", json={"name": name, "path": name}, headers=_HEADERS, timeout=60
        )
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 400: _CLIENTS - 1}


def test_merge_requests_get_numbers_of_their_own(server: Server, world: World) -> None:
    project = world.project()
    for number in range(_CLIENTS):
        project.branches.create({"branch": f"b{number}", "ref": "main"})
    address = f"{server.api}/projects/{project.id}/merge_requests"
    answers = _at_once(
        lambda number: httpx.post(
            address,
            json={"source_branch": f"b{number}", "target_branch": "main", "title": "t"},
            headers=_HEADERS,
            timeout=60,
        )
    )
    assert sorted(answer.json()["iid"] for answer in answers) == list(range(1, _CLIENTS + 1))


def test_commits_to_one_branch_follow_each_other(server: Server, world: World) -> None:
    project = world.project()
    address = f"{server.api}/projects/{project.id}/repository/commits"
    answers = _at_once(
        lambda number: httpx.post(
            address,
            json={
                "branch": "main",
                "commit_message": "m",
                "actions": [{"action": "create", "file_path": f"f{number}", "content": "x"}],
            },
            headers=_HEADERS,
            timeout=60,
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    names = {row["name"] for row in project.repository_tree(get_all=True)}
    assert names == {"README.md", *(f"f{number}" for number in range(_CLIENTS))}
    assert len(project.commits.list(get_all=True)) == _CLIENTS + 1
