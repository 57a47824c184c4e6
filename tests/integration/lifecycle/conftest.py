"""Projects on the sandbox's real parts, to be removed, taken back, extended; and what there is afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gitlab
import pytest

from tests.driver import driver

from .lifecycle import Lifecycle

Kubectl = Callable[..., Any]


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def life(sandbox_systems: Any, backups: Path) -> Iterator[Lifecycle]:
    with driver(sandbox_systems, backup_location=str(backups), removal_deadline=60) as made:
        yield Lifecycle(made)


@pytest.fixture(scope="module")
def api(sandbox_systems: Any) -> gitlab.Gitlab:
    """GitLab's API as Groundwork's own user."""
    return gitlab.Gitlab(sandbox_systems.gitlab_url, private_token=sandbox_systems.gitlab_token)


@pytest.fixture(scope="module")
def kubectl(sandbox_systems: Any) -> Kubectl:
    """`kubectl ARGUMENTS` as the cluster's administrator; answers JSON where `-o json` asks for it."""

    def call(*arguments: str, stdin: Any = None) -> Any:
        command = [sandbox_systems.kubectl, "--kubeconfig", sandbox_systems.kubeconfig, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, input=json.dumps(stdin) if stdin else None
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "json" in arguments else done.stdout

    return call
