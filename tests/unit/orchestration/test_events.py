"""Who is told of a run that failed."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from groundwork.orchestration.events import run_failed
from groundwork.settings import get_settings


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the function that the setting names is called with."""
    found: list[dict[str, Any]] = []
    somebody = ModuleType("somebody_to_tell")
    somebody.tell = found.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebody_to_tell", somebody)
    monkeypatch.setattr(get_settings(), "failure_notifier", "somebody_to_tell.tell")
    return found


def test_without_a_setting_nobody_is_told() -> None:
    run_failed({"run_id": "r"})


def test_a_failed_run_is_told(told: list[dict[str, Any]]) -> None:
    run_failed({"run_id": "r"})
    assert told == [{"run_id": "r"}]
