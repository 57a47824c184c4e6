"""A real server as a process on a free port, and its clients: python-gitlab, plain git, fault switches."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gitlab
import httpx
import pytest
from gitlab.v4.objects import Group, Project

from sandbox.gitlab.faults import FaultClient

ADMIN_TOKEN = "glpat-administrator-of-the-tests"
_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60


@dataclass
class Server:
    """One server process. It can be killed and started again on the same state."""

    state_dir: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v4"

    @property
    def log(self) -> Path:
        return self.state_dir.with_suffix(".log")

    def start(self) -> Server:
        self.port = self.port or _free_port()
        command = [sys.executable, "-m", "sandbox.gitlab", "serve", "--state-dir", str(self.state_dir)]
        environment = os.environ | {"PYTHONPATH": str(_ROOT / "include"), "GITLAB_ADMIN_TOKEN": ADMIN_TOKEN}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], env=environment, stdout=log, stderr=log, cwd=_ROOT
            )
        wait_until(self._healthy, _START_SECONDS, lambda: f"no answer:\n{self.log.read_text()}")
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        process = self.process
        assert process is not None
        process.send_signal(number)
        return process.wait(30)

    def _healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return httpx.get(f"{self.url}/-/readiness", timeout=5).is_success
        except httpx.TransportError:
            return False


@dataclass(frozen=True)
class World:
    """A group with one member per role, an administrator and an outsider, each as a python-gitlab client."""

    group: Group
    admin: gitlab.Gitlab
    owner: gitlab.Gitlab
    maintainer: gitlab.Gitlab
    developer: gitlab.Gitlab
    reporter: gitlab.Gitlab
    guest: gitlab.Gitlab
    outsider: gitlab.Gitlab

    def project(self, **values: Any) -> Project:
        """A new project in the group, made by its owner."""
        defaults = {"name": unique("project"), "namespace_id": self.group.id, "initialize_with_readme": True}
        return self.owner.projects.create(defaults | values)


@dataclass(frozen=True)
class Git:
    """Plain git with its own settings. Tokens travel in a header from the environment, never in addresses."""

    home: Path

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        token: str | None = None,
        check: bool = True,
        user: str = "oauth2",
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
            "LC_ALL": "C",
        }
        if token is not None:
            secret = base64.b64encode(f"{user}:{token}".encode()).decode()
            environment |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Basic {secret}",
            }
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=environment | (env or {}),
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def clone(self, url: str, token: str | None, *options: str, user: str = "oauth2") -> Path:
        folder = self.home / unique("clone")
        self.run("clone", "-q", *options, url, str(folder), token=token, user=user)
        return folder

    def commit(
        self, folder: Path, name: str = "file", content: str = "content", message: str = "change"
    ) -> str:
        (folder / name).write_text(content)
        self.run("add", name, cwd=folder)
        self.run("commit", "-qm", message, cwd=folder)
        return self.run("rev-parse", "HEAD", cwd=folder).stdout.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def wait_until(
    condition: Callable[[], bool], seconds: float, problem: Callable[[], str] = lambda: "too late"
) -> None:
    """Poll until the condition holds; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, problem()
        time.sleep(0.05)


@pytest.fixture(scope="session")
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Starts servers with state of their own."""
    started: list[Server] = []

    def make() -> Server:
        started.append(Server(tmp_path_factory.mktemp("gitlab") / "state").start())
        return started[-1]

    yield make
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def server(new_server: Callable[[], Server]) -> Server:
    """The server that most tests share."""
    return new_server()


@pytest.fixture(scope="session")
def clients(server: Server) -> Iterator[Callable[[str | None], gitlab.Gitlab]]:
    """Makes python-gitlab clients for tokens."""
    made: list[gitlab.Gitlab] = []

    def make(token: str | None) -> gitlab.Gitlab:
        made.append(gitlab.Gitlab(server.url, private_token=token, per_page=100, timeout=60))
        return made[-1]

    yield make
    for client in made:
        client.session.close()


@pytest.fixture(scope="session")
def admin(clients: Callable[[str | None], gitlab.Gitlab]) -> gitlab.Gitlab:
    """python-gitlab as root."""
    return clients(ADMIN_TOKEN)


@pytest.fixture(scope="session")
def new_user(
    admin: gitlab.Gitlab, clients: Callable[[str | None], gitlab.Gitlab]
) -> Callable[..., gitlab.Gitlab]:
    """Makes a user and gives a client for it."""

    def make(name: str = "user", scopes: list[str] | None = None) -> gitlab.Gitlab:
        username = unique(name)
        user = admin.users.create(
            {"username": username, "name": name.title(), "email": f"{username}@example.org"}
        )
        wanted = scopes or ["api", "write_repository"]
        client = clients(user.personal_access_tokens.create({"name": "tests", "scopes": wanted}).token)
        client.auth()
        return client

    return make


@pytest.fixture(scope="session")
def new_world(admin: gitlab.Gitlab, new_user: Callable[..., gitlab.Gitlab]) -> Callable[[], World]:
    """Makes groups with members."""

    def make() -> World:
        name = unique("group")
        group = admin.groups.create({"name": name, "path": name})
        people = {}
        roles = {"owner": 50, "maintainer": 40, "developer": 30, "reporter": 20, "guest": 10}
        for role, level in roles.items():
            people[role] = new_user(role)
            user = people[role].user
            assert user is not None
            group.members.create({"user_id": user.id, "access_level": level})
        owned = people["owner"].groups.get(group.id)
        return World(group=owned, admin=admin, outsider=new_user("outsider"), **people)

    return make


@pytest.fixture(scope="module")
def world(new_world: Callable[[], World]) -> World:
    """A group with members, for one file of tests."""
    return new_world()


@pytest.fixture
def control(server: Server) -> Iterator[FaultClient]:
    """The server's fault switches, journal and limits; all reset afterwards."""
    with FaultClient(server.url, ADMIN_TOKEN) as client:
        yield client
        client.clear()
        client.set_limits()


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Plain git."""
    home = tmp_path / "home"
    home.mkdir()
    return Git(home)


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    """A bare HTTP client of the API, as root."""
    with httpx.Client(base_url=server.api, headers={"PRIVATE-TOKEN": ADMIN_TOKEN}, timeout=60) as client:
        yield client


def token_of(client: gitlab.Gitlab) -> str:
    """The token a client uses."""
    assert client.private_token is not None
    return client.private_token


@pytest.fixture(scope="session")
def tools() -> dict[str, Callable[..., Any]]:
    """Helpers that tests call by name: `unique`, `wait_until`, `token_of`."""
    return {"unique": unique, "wait_until": wait_until, "token_of": token_of}
