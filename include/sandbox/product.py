"""Groundwork's own commands, run as processes on the way up: its records' schema and the demo's seed data."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from sandbox.errors import ProgramFailed
from sandbox.program import Part, Program, Task
from sandbox.settings import CLONE


class Product(Part):
    """Prepares Groundwork's database; Groundwork itself runs inside Airflow and has no process of its own."""

    name = "groundwork"

    def __init__(
        self, environment: Mapping[str, str], product_settings: Callable[[], Mapping[str, str]]
    ) -> None:
        self._environment = environment
        self._product_settings = product_settings

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return {}

    def prepare(self) -> None:
        """Nothing to prepare: the commands find everything in their environment."""

    def programs(self) -> list[Program]:
        return []

    def tasks(self) -> list[Task]:
        return [
            Task("groundwork-records", self._prepare_records, after=["databases", "gitlab-seed"]),
        ]

    def env(self) -> dict[str, str]:
        return {}

    def _prepare_records(self) -> None:
        self._groundwork("migrate")
        self._groundwork("seed")

    def _groundwork(self, command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "groundwork.cli", command],
            env={**self._environment, **self._product_settings(), "PYTHONPATH": str(CLONE / "include")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            output = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise ProgramFailed(f"`groundwork {command}` failed:\n{output}")
