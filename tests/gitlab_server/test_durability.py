"""Killed at any moment: what was acknowledged is there after the restart, and nothing is half there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gitlab
import httpx
import pytest

from tests.gitlab_server.conftest import ADMIN_TOKEN, Git, Server, unique, wait_until

_HEADERS = {"PRIVATE-TOKEN": ADMIN_TOKEN}


@dataclass
class Acknowledged:
    """What the server has said yes to."""

    projects: list[str] = field(default_factory=list)
    commits: list[tuple[int, str]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)


def _load(server: Server, seen: Acknowledged, base: int) -> None:
    """Create projects and commits until told to stop or the server is gone."""
    with httpx.Client(base_url=server.api, headers=_HEADERS, timeout=30) as client:
        while not seen.stop.is_set():
            name = unique("load")
            try:
                made = client.post("/projects", json={"name": name, "initialize_with_readme": True})
                if made.status_code == 201:
                    seen.projects.append(made.json()["path_with_namespace"])
                action = {"action": "create", "file_path": name, "content": name}
                body = {
                    "branch": unique("b"),
                    "start_branch": "main",
                    "commit_message": name,
                    "actions": [action],
                }
                commit = client.post(f"/projects/{base}/repository/commits", json=body)
                if commit.status_code == 201:
                    seen.commits.append((base, commit.json()["id"]))
            except httpx.TransportError:
                return


def test_killed_under_load(new_server: Callable[[], Server], git: Git) -> None:
    server = new_server()
    seen = Acknowledged()
    for _ in range(2):
        base = _project(server)
        threads = [threading.Thread(target=_load, args=(server, seen, base)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wanted = len(seen.projects) + 12
        wait_until(lambda wanted=wanted: len(seen.projects) >= wanted, 60)  # type: ignore[misc]
        server.stop(signal.SIGKILL)
        seen.stop.set()
        for thread in threads:
            thread.join()
        seen.stop.clear()
        server.start()
    _check(server, seen, git)
    assert server.stop() == 0


def _project(server: Server) -> int:
    body = {"name": unique("base"), "initialize_with_readme": True}
    return int(httpx.post(f"{server.api}/projects", json=body, headers=_HEADERS).json()["id"])


def _check(server: Server, seen: Acknowledged, git: Git) -> None:
    with gitlab.Gitlab(server.url, private_token=ADMIN_TOKEN, per_page=100) as client:
        listed = {project.path_with_namespace: project for project in client.projects.list(iterator=True)}
        assert set(seen.projects) <= set(listed), "an acknowledged project is gone"
        for project in listed.values():
            assert project.default_branch == "main", "a half-made project"
            assert [row.name for row in project.protectedbranches.list()] == ["main"]
            assert project.files.get("README.md", ref="main").size > 0
        for project_id, sha in seen.commits:
            commit = client.projects.get(project_id, lazy=True).commits.get(sha)
            assert commit.refs("branch", get_all=True), "an acknowledged commit is on no branch"
    repositories = list((server.state_dir / "repositories").glob("*/*.git"))
    assert len(repositories) == len(listed), "folders without project are swept"
    for path in repositories[:10]:
        git.run("-c", "safe.directory=*", "fsck", "--strict", cwd=path)


def test_a_first_push_that_was_not_recorded_is_recorded_at_the_start(
    new_server: Callable[[], Server], git: Git, tmp_path: Path
) -> None:
    server = new_server()
    with gitlab.Gitlab(server.url, private_token=ADMIN_TOKEN) as client:
        project = client.projects.create({"name": "pushed"})
        server.stop(signal.SIGKILL)
        (repository,) = (server.state_dir / "repositories").glob("*/*.git")
        folder = tmp_path / "work"
        git.run("init", "-q", "-b", "main", str(folder))
        git.commit(folder)
        git.run("push", "-q", str(repository), "main", cwd=folder)
        server.start()
        found = client.projects.get(project.id)
        assert (found.default_branch, found.empty_repo) == ("main", False)
        assert [row.name for row in found.protectedbranches.list()] == ["main"]


def test_the_state_is_closed_to_others_and_holds_no_token(new_server: Callable[[], Server]) -> None:
    server = new_server()
    with gitlab.Gitlab(server.url, private_token=ADMIN_TOKEN) as client:
        project = client.projects.create({"name": "secret"})
        deploy = project.deploytokens.create({"name": "x", "scopes": ["read_repository"]}).token
    assert server.state_dir.stat().st_mode & 0o077 == 0
    content = b"".join(path.read_bytes() for path in server.state_dir.glob("gitlab.sqlite3*"))
    for token in (ADMIN_TOKEN, deploy):
        assert token.encode() not in content
        assert token not in server.log.read_text()


def test_the_generated_administrator_token_is_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.gitlab_server.conftest.ADMIN_TOKEN", "")
    server = Server(tmp_path / "state").start()
    path = server.state_dir / "admin-token"
    assert path.stat().st_mode & 0o777 == 0o600
    with gitlab.Gitlab(server.url, private_token=path.read_text()) as client:
        client.auth()
        assert client.user is not None
        assert client.user.is_admin is True
    assert server.stop() == 0


def test_two_servers_do_not_share_a_state(new_server: Callable[[], Server]) -> None:
    first = new_server()
    second = Server(first.state_dir)
    with pytest.raises(AssertionError, match="in use by another server"):
        second.start()
