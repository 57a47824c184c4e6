"""Synced projects on the sandbox's real parts, and passes over them as `reconcile_projects` makes them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import gitlab
import psycopg
import pytest
from psycopg.rows import dict_row

from tests.driver import Driver, driver

from .passes import Reconcile

Kubectl = Callable[..., Any]


@pytest.fixture(scope="module")
def operations(sandbox_systems: Any) -> Iterator[Driver]:
    # Many drifts are made in few projects, and none is to wait for a person.
    with driver(sandbox_systems, reconcile_max_repairs=1000, reconcile_max_repair_share=1.0) as made:
        yield made


@pytest.fixture(scope="module")
def database(sandbox_systems: Any) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Groundwork's records, read and bent with SQL."""
    url = sandbox_systems.database_url
    with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
        yield connection


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


@pytest.fixture(scope="module")
def reconcile(operations: Driver, sandbox_systems: Any, database: Any, kubectl: Kubectl) -> Reconcile:
    return Reconcile(operations.services, sandbox_systems, database, kubectl)
