"""Runs of the whole operation without Airflow, with faults at the wire."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from .run import TaskServer, task_server
from .systems import Systems, systems_of


@pytest.fixture(scope="session")
def systems(sandbox_systems: Any) -> Systems:
    """The systems of the sandbox that all tests share."""
    return systems_of(sandbox_systems)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskServer]:
    """What runs tasks, each in a process of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
    with task_server(tmp_path_factory.mktemp("tasks", numbered=True), own) as found:
        yield found


@pytest.fixture(scope="session")
def new_request() -> Callable[..., dict[str, Any]]:
    """Makes requests for projects that do not exist yet."""

    def make(*environments: str) -> dict[str, Any]:
        slug = f"x{uuid4().hex[:8]}"
        return {
            "name": f"Project {slug}",
            "slug": slug,
            "user_id": "demo",
            "organization_id": "platform",
            "repository": {"group_path": "platform"},
            "template_id": "settings-only",
            "environment_ids": list(environments or ("dev",)),
        }

    return make
