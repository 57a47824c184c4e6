"""What a note says of how a run ended, and what a failed task leaves for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest

from groundwork.errors import Conflict, GroundworkError, WaitingError
from groundwork.model.entities import Operation, OperationKind
from groundwork.model.statuses import OperationStatus
from groundwork.orchestration.notes import Told, composed, counted, leave_failure, outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DONE = Operation(
    *(uuid4(), uuid4(), OperationKind.INITIALIZE, "initialize_project", "r", uuid4(), "admin", {}),
    *(OperationStatus.SUCCEEDED, None, None, NOW, NOW),
)
CLOSED = Told("close_operation", "failed: Conflict: It is taken.", failed=False)
STEP = Told("create_repository", "create_repository: Conflict: It is taken.", failed=True)


def test_an_outcome_is_the_status_and_why() -> None:
    assert outcome(DONE) == "succeeded"
    failed = replace(DONE, status=OperationStatus.FAILED, reason="Conflict", message="It is taken.")
    assert outcome(failed) == "failed: Conflict: It is taken."


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "complete; findings: none"),
        ({"repair_failed": 1, "healed": 2}, "complete; findings: 2 healed, 1 repair failed"),
    ],
)
def test_a_pass_is_told_by_its_findings(counts: dict[str, int], text: str) -> None:
    assert counted(counts) == text


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ([], ""),
        ([STEP, CLOSED], CLOSED.text),
        ([STEP], STEP.text),
        ([replace(CLOSED, text="one"), replace(CLOSED, text="two", failed=True)], "one\ntwo"),
    ],
    ids=["nothing", "the outcome rather than a step", "a refused request", "many projects"],
)
def test_a_note_is_the_outcome_or_else_what_failed(told: list[Told], text: str) -> None:
    assert composed(told, "close_operation") == text


def test_a_note_fits_into_airflows() -> None:
    note = composed([replace(CLOSED, text="x" * 2000)], "close_operation")
    assert (len(note), note[-1]) == (1000, "…")


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (Conflict("It is taken."), ["billing: Conflict: It is taken."]),
        (WaitingError("Not yet.", 2), []),
    ],
    ids=["failed", "only waits"],
)
def test_a_failed_task_leaves_why(error: GroundworkError, left: list[str]) -> None:
    found: list[str] = []

    def xcom_push(*, key: str, value: str) -> None:
        del key
        found.append(value)

    task = SimpleNamespace(task_id="rotate_project", rendered_map_index="billing", xcom_push=xcom_push)
    leave_failure(task, error)
    assert found == left
