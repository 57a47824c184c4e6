"""The sandbox's systems read with tools that know no Groundwork: `kubectl`, and GitLab's API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import gitlab
import pytest

Kubectl = Callable[..., Any]


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


@pytest.fixture(scope="module")
def api(sandbox_systems: Any) -> gitlab.Gitlab:
    """GitLab's API as Groundwork's own user."""
    return gitlab.Gitlab(sandbox_systems.gitlab_url, private_token=sandbox_systems.gitlab_token)
