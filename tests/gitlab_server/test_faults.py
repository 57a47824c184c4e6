"""Fault switches and the journal: each fault looks on the wire as it should, when it should."""

from __future__ import annotations

import time

import gitlab
import httpx
import pytest
from gitlab.exceptions import GitlabHttpError

from sandbox.gitlab.faults import FaultClient
from tests.gitlab_server.conftest import Git, Server, World, token_of, unique


def test_too_many_requests_is_plain_text(http: httpx.Client, control: FaultClient) -> None:
    with control.fault(kind="too_many_requests", path="/user$", retry_after=7):
        answer = http.get("/user")
    assert (answer.status_code, answer.text) == (429, "Retry later\n")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Retry-After"] == "7"
    assert "RateLimit-ResetTime" in answer.headers
    assert http.get("/user").status_code == 200


def test_endpoint_limit_is_json_without_retry_after(http: httpx.Client, control: FaultClient) -> None:
    with control.fault(kind="endpoint_limit", path="/user$"):
        answer = http.get("/user")
    text = "This endpoint has been requested too many times. Try again later."
    assert (answer.status_code, answer.json()) == (429, {"message": {"error": text}})
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "status"), [("internal_error", 500), ("bad_gateway", 502), ("unauthorized", 401)]
)
def test_before_the_effect_and_after_it(
    world: World, http: httpx.Client, control: FaultClient, kind: str, status: int
) -> None:
    for when, made in (("before", 0), ("after", 1)):
        name = unique("faulty")
        with control.fault(kind=kind, method="POST", path="/projects$", when=when):
            answer = http.post("/projects", json={"name": name, "namespace_id": world.group.id})
        assert answer.status_code == status
        assert len(http.get("/projects", params={"search": name}).json()) == made


def test_a_bad_gateway_answers_html(http: httpx.Client, control: FaultClient) -> None:
    with control.fault(kind="bad_gateway"):
        assert "<h1>502 Bad Gateway</h1>" in http.get("/user").text


@pytest.mark.parametrize("when", ["before", "after"])
def test_connection_reset(world: World, http: httpx.Client, control: FaultClient, when: str) -> None:
    name = unique("reset")
    switch = control.fault(kind="connection_reset", method="POST", path="/projects$", when=when)
    with switch, pytest.raises(httpx.TransportError):
        http.post("/projects", json={"name": name, "namespace_id": world.group.id})
    assert len(http.get("/projects", params={"search": name}).json()) == (when == "after")


def test_timeout_and_slow(http: httpx.Client, control: FaultClient) -> None:
    with control.fault(kind="timeout", path="/user$", delay=20), pytest.raises(httpx.ReadTimeout):
        http.get("/user", timeout=0.3)
    with control.fault(kind="slow", path="/user$", delay=0.3):
        started = time.monotonic()
        assert http.get("/user").status_code == 200
        assert time.monotonic() - started >= 0.3


def test_truncated(http: httpx.Client, control: FaultClient) -> None:
    switch = control.fault(kind="truncated", path="/user$", after_bytes=10)
    with switch, pytest.raises(httpx.RemoteProtocolError):
        http.get("/user")


def test_empty_list(world: World, http: httpx.Client, control: FaultClient) -> None:
    world.project()
    with control.fault(kind="empty_list", path="/projects$"):
        answer = http.get("/projects")
    assert (answer.json(), answer.headers["X-Total"]) == ([], "0")


def test_stale_read(world: World, http: httpx.Client, control: FaultClient) -> None:
    project = world.project(description="old")
    address = f"/projects/{project.id}"
    assert http.get(address).json()["description"] == "old"
    http.put(address, json={"description": "new"})
    with control.fault(kind="stale_read", method="GET", path=f"{address}$"):
        assert http.get(address).json()["description"] == "old"
        unseen = world.project()
        assert http.get(address).status_code == 200
    with control.fault(kind="stale_read", method="GET", path=f"/projects/{unseen.id}$"):
        assert http.get(f"/projects/{unseen.id}").status_code == 404, "a fresh object is not seen yet"
    assert http.get(address).json()["description"] == "new"


def test_nth_times_and_seeded_probability(http: httpx.Client, control: FaultClient) -> None:
    def statuses(count: int) -> list[int]:
        return [http.get("/user").status_code for _ in range(count)]

    with control.fault(kind="internal_error", path="/user$", nth=[2, 4]):
        assert statuses(5) == [200, 500, 200, 500, 200]
    with control.fault(kind="internal_error", path="/user$", times=2):
        assert statuses(4) == [500, 500, 200, 200]
    runs = []
    for _ in range(2):
        with control.fault(kind="internal_error", path="/user$", probability=0.5, seed=3):
            runs.append(statuses(20))
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_switches_are_listed_with_their_counts(http: httpx.Client, control: FaultClient) -> None:
    control.add(kind="internal_error", path="/user$", nth=[2])
    http.get("/user"), http.get("/user")
    found = control.faults()[0]
    assert (found.seen, found.struck) == (2, 1)
    with pytest.raises(httpx.HTTPStatusError):
        control.remove("999")


@pytest.mark.parametrize(
    "fault", [{"kind": "nonsense"}, {"kind": "slow", "path": "("}, {"kind": "slow", "delay": -1}]
)
def test_bad_switches_are_refused(server: Server, http: httpx.Client, fault: dict[str, object]) -> None:
    address = f"{server.url}/-/sandbox/faults"
    assert http.post(address, json=fault).status_code == 400


def test_the_control_is_for_administrators(server: Server, world: World) -> None:
    for path in ("faults", "journal", "limits"):
        address = f"{server.url}/-/sandbox/{path}"
        assert httpx.get(address).status_code == 401
        assert httpx.get(address, headers={"PRIVATE-TOKEN": token_of(world.owner)}).status_code == 403


def test_the_journal_tells_what_was_called_by_whom(world: World, control: FaultClient) -> None:
    project = world.project()
    last = max((entry.number for entry in control.journal()), default=0)
    world.developer.projects.get(project.id)
    with pytest.raises(GitlabHttpError), control.fault(kind="internal_error", path="/version$"):
        world.developer.http_get("/version")
    first, second = control.journal(after=last)
    assert world.developer.user is not None
    assert (first.method, first.caller, first.status) == ("GET", world.developer.user.username, 200)
    assert (first.path, first.route) == (f"/api/v4/projects/{project.id}", "/projects/{project_ref}")
    assert (second.status, second.fault) == (500, "internal_error")
    control.clear_journal()
    assert control.journal() == []


def test_the_journal_holds_no_secrets(server: Server, world: World, control: FaultClient) -> None:
    token = token_of(world.owner)
    httpx.get(f"{server.api}/user", params={"private_token": token})
    assert token not in str(control.journal())
    assert token not in server.log.read_text()


def test_a_push_can_be_rejected(world: World, git: Git, control: FaultClient) -> None:
    project, token = world.project(), token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    git.commit(folder)
    with control.fault(kind="git_reject", path="git-receive-pack", message="closed for today"):
        refused = git.run("push", cwd=folder, token=token, check=False)
    assert "remote: GitLab: closed for today" in refused.stderr
    assert "pre-receive hook declined" in refused.stderr
    git.run("push", "-q", cwd=folder, token=token)


def test_a_push_can_be_cut(world: World, git: Git, control: FaultClient) -> None:
    project, token = world.project(), token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    before = project.branches.get("main").commit["id"]
    sha = git.commit(folder, content="x" * 200_000)
    with control.fault(kind="git_cut", method="POST", path="git-receive-pack", after_bytes=300):
        assert git.run("push", cwd=folder, token=token, check=False).returncode != 0
    assert project.branches.get("main").commit["id"] == before
    git.run("push", "-q", cwd=folder, token=token)
    assert project.branches.get("main").commit["id"] == sha


def test_a_push_can_succeed_without_its_answer(world: World, git: Git, control: FaultClient) -> None:
    project, token = world.project(), token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    sha = git.commit(folder)
    with control.fault(kind="git_lose_answer", path="git-receive-pack"):
        assert git.run("push", cwd=folder, token=token, check=False).returncode != 0
    assert project.branches.get("main").commit["id"] == sha


def test_git_meets_the_other_faults_too(world: World, git: Git, control: FaultClient) -> None:
    project = world.project()
    for kind in ("bad_gateway", "too_many_requests", "connection_reset"):
        with control.fault(kind=kind, path="info/refs"):
            done = git.run("ls-remote", project.http_url_to_repo, token=token_of(world.owner), check=False)
            assert done.returncode != 0


def test_python_gitlab_survives_what_it_should(server: Server, world: World, control: FaultClient) -> None:
    with gitlab.Gitlab(
        server.url, private_token=token_of(world.owner), retry_transient_errors=True
    ) as client:
        with control.fault(kind="internal_error", path="/user$", times=1):
            client.auth()
        with control.fault(kind="too_many_requests", path="/user$", times=1, retry_after=0):
            client.auth()
