"""The sandbox that integration tests share: started on demand, one for all workers, removed afterwards.

It lives in a temporary folder of its own, so it never meets the demo's. However the run ends, even by a kill,
it is removed; when tests failed, its logs are kept in pytest's cache folder. `--sandbox DIR` uses the one in
DIR instead, starting what of it does not run, and leaves it running for the next run.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import hypothesis
import pytest
from rich.console import Console

from sandbox.control_plane.build import artefact
from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

# What is broken on purpose need not be tried for minutes, nor put right before a test has looked at it;
# templates that are broken lie beside the tests.
_PRODUCT = {
    "GROUNDWORK_FLUX_RETRY_INTERVAL": "5",
    "GROUNDWORK_SYNC_MAX_HEALTH_ATTEMPTS": "2",
    "GROUNDWORK_RECONCILE_INTERVAL": "86400",
    "GROUNDWORK_RECONCILE_MAX_REPAIRS": "1",
    "GROUNDWORK_CATALOG_PATHS": str(Path(__file__).parent / "catalog"),
    "GROUNDWORK_FAILURE_NOTIFIER": "somebody_to_tell.tell",
}
_SOMEBODY_TO_TELL = """\
import json


def tell(context):
    with open({!r}, "a") as told:
        told.write(json.dumps({{"run_id": context["run_id"], "reason": context["reason"]}}) + "\\n")
"""
_DEFAULTS: Mapping[str, str] = MappingProxyType({})
_HOME = pytest.StashKey[Path]()
_OWNER = pytest.StashKey[int | None]()
_FAILED = pytest.StashKey[bool]()


# How long something takes says nothing about whether it is right.
hypothesis.settings.register_profile("groundwork", deadline=None)
hypothesis.settings.load_profile("groundwork")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sandbox", type=Path, help="folder of a sandbox to use and to leave running")
    parser.addoption("--schedules", type=int, default=200, help="how many schedules of faults to play")
    parser.addoption("--schedule-seed", type=int, default=0, help="what the schedules are drawn from")


def pytest_configure(config: pytest.Config) -> None:
    kept: Path | None = config.getoption("sandbox")
    shared = getattr(config, "workerinput", None)
    if kept:
        config.stash[_HOME], config.stash[_OWNER] = kept.resolve(), None
        return
    config.stash[_HOME] = Path(
        shared["sandbox_home"] if shared else tempfile.mkdtemp(prefix="groundwork-test-")
    )
    config.stash[_OWNER] = shared["sandbox_owner"] if shared else os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Config) -> None:
    """Tells each worker of pytest-xdist about the folder and the process that the sandbox belongs to."""
    node.workerinput["sandbox_home"] = str(node.config.stash[_HOME])  # type: ignore[attr-defined]
    node.workerinput["sandbox_owner"] = node.config.stash[_OWNER]  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_FAILED] = exitstatus != 0


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or config.stash[_OWNER] is None:
        return
    home = config.stash[_HOME]
    shared = SharedSandbox(home, config.stash[_OWNER])
    if config.stash.get(_FAILED, True) and shared.state.logs.exists() and config.cache:
        shutil.copytree(shared.state.logs, config.cache.mkdir("sandbox-logs") / home.name, dirs_exist_ok=True)
    shared.destroy()


class SharedSandbox(Sandbox):
    """The sandbox as tests see it: addresses and credentials as attributes, control over its programs."""

    def __init__(self, home: Path, owner: int | None, airflow: Mapping[str, str] = _DEFAULTS) -> None:
        self.settings = isolated_settings(home, airflow)
        super().__init__(self.settings, Console(quiet=True))
        self._owner = owner

    def up(self, parts: Iterable[str] | None = None, *, until_exit_of: int | None = None) -> None:
        """Makes the named parts (all by default) run; quick when they do."""
        # A folder that Airflow puts on the path of all its processes.
        somebody = self.parts.airflow.home / "config" / "somebody_to_tell.py"
        somebody.parent.mkdir(parents=True, exist_ok=True)
        somebody.write_text(_SOMEBODY_TO_TELL.format(str(self._told)))
        super().up(parts, until_exit_of=until_exit_of or self._owner)

    def up_systems(self) -> None:
        """Makes everything run that Groundwork works on, the tables of its records included; not Airflow."""
        self.up(["postgres", "control-plane", "gitlab", "groundwork"])

    def told(self, run_id: str) -> list[dict[str, Any]]:
        """What the notifier was called with about a run, so far."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        return [told for line in lines if (told := json.loads(line))["run_id"] == run_id]

    @property
    def airflow_database_url(self) -> str:
        """Airflow's own database."""
        return self.parts.postgres.url("airflow")

    @property
    def _told(self) -> Path:
        return self.parts.airflow.home / "told.jsonl"

    @property
    def env(self) -> dict[str, str]:
        """What `.sandbox/env` holds."""
        return self.parts.env()

    @property
    def gitlab_url(self) -> str:
        return self.env["GITLAB_URL"]

    @property
    def gitlab_token(self) -> str:
        return self.env["GITLAB_TOKEN"]

    @property
    def gitlab_admin_token(self) -> str:
        """Opens the GitLab server's fault switches."""
        return self.state.known_secret("gitlab_admin_token") or ""

    @property
    def kubeconfig(self) -> str:
        """Path of the cluster administrator's kubeconfig."""
        return self.env["KUBECONFIG"]

    @property
    def product_kubeconfig(self) -> str:
        """Path of the kubeconfig with exactly the rights that Groundwork itself has."""
        return str(self.parts.control_plane.product_kubeconfig)

    @property
    def database_url(self) -> str:
        return self.env["DATABASE_URL"]

    @property
    def airflow_url(self) -> str:
        return self.env["AIRFLOW_URL"]

    @property
    def airflow_user(self) -> str:
        return self.env["AIRFLOW_USER"]

    @property
    def airflow_password(self) -> str:
        return self.env["AIRFLOW_PASSWORD"]

    def airflow_password_of(self, user: str) -> str:
        """Password of one of Airflow's accounts, which are named for their roles."""
        return self.state.known_secret(f"airflow_{user}")

    @property
    def kubectl(self) -> str:
        """Path of the kubectl that fits the cluster."""
        return str(artefact(self.settings.cache_dir).program("kubectl"))


def isolated_settings(state_dir: Path, airflow: Mapping[str, str] = _DEFAULTS) -> Settings:
    """Settings for a sandbox in `state_dir` that uses no external system, whatever the environment says.

    `airflow` is added to the environment of its Airflow.
    """
    return Settings(
        sandbox_dir=state_dir,
        gitlab_url=None,
        gitlab_token=None,
        kubeconfig=None,
        database_url=None,
        product_settings=_PRODUCT | airflow,
    )


@pytest.fixture(scope="session")
def _shared(request: pytest.FixtureRequest) -> SharedSandbox:
    return SharedSandbox(request.config.stash[_HOME], request.config.stash[_OWNER])


@pytest.fixture(scope="module")
def own_sandbox(request: pytest.FixtureRequest) -> Iterator[Callable[..., SharedSandbox]]:
    """Gives a sandbox of that name, for what must not be done to the shared one; nothing of it runs yet, and
    nothing of it runs any more when the module is through.

    Keyword arguments go into the environment of its Airflow.
    """
    home: Path = request.config.stash[_HOME]
    owner = request.config.stash[_OWNER]
    made: list[SharedSandbox] = []

    def make(name: str, **airflow: str) -> SharedSandbox:
        made.append(SharedSandbox(home.with_name(f"{home.name}-{name}"), owner, airflow))
        return made[-1]

    yield make
    for found in made:
        if owner is not None:
            found.destroy()


@pytest.fixture(scope="session")
def sandbox(_shared: SharedSandbox) -> SharedSandbox:
    """The whole sandbox, healthy."""
    _shared.up()
    return _shared


@pytest.fixture(scope="session")
def sandbox_systems(_shared: SharedSandbox) -> SharedSandbox:
    """The sandbox with everything that Groundwork works on, without Airflow."""
    _shared.up_systems()
    return _shared


@pytest.fixture(scope="session")
def sandbox_postgres(_shared: SharedSandbox) -> SharedSandbox:
    """The sandbox with at least Postgres running, its roles and databases made."""
    _shared.up(["postgres"])
    return _shared


@pytest.fixture(scope="session")
def sandbox_cluster(_shared: SharedSandbox) -> SharedSandbox:
    """The sandbox with at least the control plane running, Flux included."""
    _shared.up(["control-plane"])
    return _shared


@pytest.fixture(scope="session")
def sandbox_gitlab(_shared: SharedSandbox) -> SharedSandbox:
    """The sandbox with at least the GitLab server running and seeded."""
    _shared.up(["gitlab"])
    return _shared
