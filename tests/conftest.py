"""The sandbox that integration tests share: started on demand, one for all workers, removed afterwards.

It lives in a temporary folder of its own, so it never meets the demo's. However the run ends, even by a kill,
it is removed; when tests failed, its logs are kept in pytest's cache folder. `--sandbox DIR` uses the one in
DIR instead, starting what of it does not run, and leaves it running for the next run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.control_plane.build import artefact
from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

# What is broken on purpose need not be tried for minutes.
_QUICK_FAILURES = {"GROUNDWORK_FLUX_RETRY_INTERVAL": "5", "GROUNDWORK_SYNC_MAX_HEALTH_ATTEMPTS": "2"}
_CATALOG = {"GROUNDWORK_CATALOG_PATHS": str(Path(__file__).parent / "catalog")}
SYSTEMS = ("postgres", "control-plane", "gitlab", "groundwork")
"""The parts of a sandbox that Groundwork works on, the tables of its records included."""

_HOME = pytest.StashKey[Path]()
_OWNER = pytest.StashKey[int | None]()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sandbox", type=Path, help="folder of a sandbox to use and to leave running")


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

    def __init__(self, home: Path, owner: int | None) -> None:
        self.settings = isolated_settings(home)
        super().__init__(self.settings, Console(quiet=True))
        self._owner = owner

    def up(self, parts: Iterable[str] | None = None, *, until_exit_of: int | None = None) -> None:
        """Makes the named parts (all by default) run; quick when they do."""
        super().up(parts, until_exit_of=until_exit_of or self._owner)

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


def isolated_settings(state_dir: Path) -> Settings:
    """Settings for a sandbox in `state_dir` that uses no external system, whatever the environment says."""
    return Settings(
        sandbox_dir=state_dir,
        gitlab_url=None,
        gitlab_token=None,
        kubeconfig=None,
        database_url=None,
        product_settings=_QUICK_FAILURES | _CATALOG,
    )


@pytest.fixture(scope="session")
def _shared(request: pytest.FixtureRequest) -> SharedSandbox:
    return SharedSandbox(request.config.stash[_HOME], request.config.stash[_OWNER])


@pytest.fixture(scope="session")
def sandbox(_shared: SharedSandbox) -> SharedSandbox:
    """The whole sandbox, healthy."""
    _shared.up()
    return _shared


@pytest.fixture(scope="session")
def sandbox_systems(_shared: SharedSandbox) -> SharedSandbox:
    """The sandbox with everything that Groundwork works on, without Airflow."""
    _shared.up(SYSTEMS)
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
