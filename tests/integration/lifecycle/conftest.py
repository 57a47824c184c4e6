"""Projects on the sandbox's real parts, to be removed, taken back, extended; and what there is afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.driver import driver

from .lifecycle import Lifecycle


@pytest.fixture(scope="module")
def backups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backups")


@pytest.fixture(scope="module")
def life(sandbox_systems: Any, backups: Path) -> Iterator[Lifecycle]:
    with driver(sandbox_systems, backup_location=str(backups), removal_deadline=60) as made:
        yield Lifecycle(made)
