"""The GitLab that the sandbox works with: the embedded server, or an existing one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from sandbox.errors import ExternalSystemUnreachable
from sandbox.health import http_probe
from sandbox.ports import HOST, Ports
from sandbox.program import External, ExternalPart, Part, Program, Task
from sandbox.seed_gitlab import check_token, seed
from sandbox.settings import CLONE
from sandbox.state import State

_ADMIN_TOKEN = "gitlab_admin_token"  # noqa: S105 - the name it is kept under
_TOKEN = "gitlab_token"  # noqa: S105


class EmbeddedGitLab(Part):
    """The sandbox's own GitLab server, with a group and a bot account for Groundwork."""

    name = "gitlab"

    def __init__(self, state: State, ports: Ports) -> None:
        self._state = state
        self._ports = ports

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{HOST}:{self._ports['gitlab']}"

    @property
    def token(self) -> str:
        """The bot's access token, empty until the server was seeded."""
        return self._state.known_secret(_TOKEN) or ""

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return {"gitlab": ["gitlab"]}

    def prepare(self) -> None:
        """Nothing to prepare: the server makes its own state folder."""

    def programs(self) -> list[Program]:
        port = str(self._ports["gitlab"])
        command = [
            sys.executable,
            "-m",
            "sandbox.gitlab",
            "serve",
            "--state-dir",
            str(self._state.root / "gitlab"),
        ]
        command += ["--host", HOST, "--port", port, "--external-url", self.url]
        environment = {
            "GITLAB_ADMIN_TOKEN": self._state.secret(_ADMIN_TOKEN),
            "PYTHONPATH": str(CLONE / "include"),
        }
        probe = http_probe(f"{self.url}/-/health")
        return [Program("gitlab", command, probe, url=self.url, environment=environment, has_children=True)]

    def tasks(self) -> list[Task]:
        return [Task("gitlab-seed", self._seed, after=["gitlab"])]

    def env(self) -> dict[str, str]:
        return {"GITLAB_URL": self.url, "GITLAB_TOKEN": self.token}

    def _seed(self) -> None:
        token = seed(self.url, self._state.secret(_ADMIN_TOKEN), self._state.known_secret(_TOKEN))
        self._state.keep_secret(_TOKEN, token)


class ExternalGitLab(ExternalPart):
    """The GitLab that `GROUNDWORK_GITLAB_URL` points at: looked at, never started or changed."""

    name = "gitlab"

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def tasks(self) -> list[Task]:
        return [Task("gitlab-seed", self._check)]

    def env(self) -> dict[str, str]:
        return {"GITLAB_URL": self.url, "GITLAB_TOKEN": self.token}

    def external(self) -> External:
        return External(self.url, self._check)

    def _check(self) -> None:
        reason = check_token(self.url, self.token)
        if reason:
            raise ExternalSystemUnreachable(f"GROUNDWORK_GITLAB_URL, GROUNDWORK_GITLAB_TOKEN: {reason}")
