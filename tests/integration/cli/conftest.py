"""The `groundwork` command as a user runs it: a process of its own, pointed at the sandbox by an env file."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

Groundwork = Callable[..., subprocess.CompletedProcess[str]]
INCLUDE = Path(__file__).parents[3] / "include"


@pytest.fixture(scope="session")
def env_file(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as `.sandbox/env` is."""
    file = tmp_path_factory.mktemp("cli") / "env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in sandbox.env.items()))
    return file


@pytest.fixture(scope="session")
def groundwork(env_file: Path) -> Groundwork:
    """Runs `groundwork` with these arguments; `env_file` and `stdin` are optional."""

    def run(
        *arguments: str, env_file: Path = env_file, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
        return subprocess.run(
            [sys.executable, "-m", "groundwork.cli", "--env-file", str(env_file), *arguments],
            env={**own, "PYTHONPATH": str(INCLUDE)},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def slug() -> str:
    """A slug no other test uses."""
    return f"cli-{uuid4().hex[:8]}"


@pytest.fixture
def options(slug: str) -> list[str]:
    """A request by options, for one environment."""
    given = {
        "name": f"Command Line {slug}",
        "slug": slug,
        "user": "demo",
        "organization": "platform",
        "group": "platform",
        "template": "web-service",
        "environment": "dev",
    }
    return [word for name, value in given.items() for word in (f"--{name}", value)]
