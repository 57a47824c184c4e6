"""Every test here starts from no settings: none from the caller's environment, no env file, a fresh cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.settings import get_settings, use_env_file


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("GROUNDWORK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    use_env_file(tmp_path / "none")
    yield
    use_env_file(tmp_path / "none")
    get_settings.cache_clear()
