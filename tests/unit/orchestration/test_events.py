"""What is told of a run that ended, and to whom."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from groundwork.model.entities import Operation, OperationKind
from groundwork.model.statuses import OperationStatus
from groundwork.orchestration.events import outcome, run_failed
from groundwork.settings import get_settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DONE = Operation(
    *(uuid4(), uuid4(), OperationKind.INITIALIZE, "initialize_project", "r", uuid4(), "admin", {}),
    *(OperationStatus.SUCCEEDED, None, None, NOW, NOW),
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the function that the setting names is called with."""
    found: list[dict[str, Any]] = []
    somebody = ModuleType("somebody_to_tell")
    somebody.tell = found.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebody_to_tell", somebody)
    monkeypatch.setattr(get_settings(), "failure_notifier", "somebody_to_tell.tell")
    return found


def test_an_outcome_is_the_status_and_why() -> None:
    assert outcome(DONE) == "succeeded"
    failed = replace(DONE, status=OperationStatus.FAILED, reason="Conflict", message="It is taken.")
    assert outcome(failed) == "failed: Conflict: It is taken."


def test_without_a_setting_nobody_is_told() -> None:
    run_failed({"run_id": "r"})


def test_a_failed_run_is_told(told: list[dict[str, Any]]) -> None:
    run_failed({"run_id": "r"})
    assert told == [{"run_id": "r"}]
