"""Sandboxes of a test's own, for what must not be done to the shared one: stopping, killing, removing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

MakeSandbox = Callable[..., Sandbox]


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Iterator[MakeSandbox]:
    """Makes sandboxes by the name of their state folder; all are destroyed in the end."""
    made: list[Sandbox] = []

    def make(name: str = "sandbox", **external: str) -> Sandbox:
        embedded = dict.fromkeys(("gitlab_url", "gitlab_token", "kubeconfig", "database_url"))
        settings = Settings.model_validate(embedded | external | {"sandbox_dir": tmp_path / name})
        made.append(Sandbox(settings, Console(quiet=True)))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.destroy()
