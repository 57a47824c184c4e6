"""Operations on the sandbox's real parts, and what is in GitLab and in the cluster afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import gitlab
import pytest

from tests.driver import Driver, driver


@pytest.fixture(scope="module")
def operations(sandbox_systems: Any) -> Iterator[Driver]:
    with driver(sandbox_systems) as made:
        yield made


@pytest.fixture(scope="module")
def api(sandbox_systems: Any) -> gitlab.Gitlab:
    """GitLab's API as Groundwork's own user."""
    return gitlab.Gitlab(sandbox_systems.gitlab_url, private_token=sandbox_systems.gitlab_token)


@pytest.fixture(scope="module")
def group(api: gitlab.Gitlab) -> Any:
    """The group that projects go into."""
    return api.groups.get("platform")


@pytest.fixture(scope="module")
def kubectl(sandbox_systems: Any) -> Callable[..., Any]:
    """`kubectl ARGUMENTS` as the cluster's administrator; answers JSON where `-o json` asks for it."""

    def call(*arguments: str, stdin: Any = None) -> Any:
        command = [sandbox_systems.kubectl, "--kubeconfig", sandbox_systems.kubeconfig, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, input=json.dumps(stdin) if stdin else None
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if "json" in arguments else done.stdout

    return call
