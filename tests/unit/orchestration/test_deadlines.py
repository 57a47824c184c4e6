"""What is told of a run that has not ended in time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from groundwork.errors import Unavailable
from groundwork.model.entities import Operation, OperationKind, StepEntry
from groundwork.model.statuses import OperationStatus
from groundwork.orchestration import connections, deadlines

BEGUN = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
AFTER = timedelta(hours=1)
ID = UUID("7d1d4a4e-0000-4000-8000-000000000000")
OPERATION = Operation(
    *(ID, uuid4(), OperationKind.INITIALIZE, "initialize_project", "r", uuid4(), "admin", {}),
    *(OperationStatus.RUNNING, None, None, BEGUN, None),
)


def entry(step: str, scope: str, status: OperationStatus) -> StepEntry:
    return StepEntry(
        *(uuid4(), ID, step, scope, status, 1, {}, None, None, None, None, None, BEGUN, None),
    )


def missed(state: str) -> dict[str, Any]:
    run = {"dag_id": "initialize_project", "dag_run_id": "r", "state": state}
    return {"dag_run": run, "deadline": {"id": str(uuid4()), "deadline_time": BEGUN}}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the notifier is called with; the records do not answer."""

    def silent(_: str) -> str:
        raise Unavailable("Groundwork's database does not answer.")

    found: list[dict[str, Any]] = []
    monkeypatch.setattr(deadlines, "notify", found.append)
    monkeypatch.setattr(connections, "database_url", silent)
    return found


def test_it_names_project_operation_unfinished_steps_and_what_to_do() -> None:
    steps = [
        entry("push_template", "", OperationStatus.SUCCEEDED),
        entry("wait_until_synced", "dev", OperationStatus.RUNNING),
    ]
    assert deadlines.late("initialize_project", "r", AFTER, "billing", OPERATION, steps) == (
        "The run r of initialize_project has not ended after 60 min. It works on project 'billing', as"
        f" operation {ID} (initialize). Unfinished steps: wait_until_synced of dev, since"
        " 2026-01-01 12:30:00 UTC. Look at the run's tasks in Airflow; `groundwork diagnose billing` says"
        " what it waits for. It goes on meanwhile."
    )


def test_a_run_without_an_operation_says_so() -> None:
    text = deadlines.unaccepted("initialize_project", "r", AFTER)
    assert "has opened no operation yet" in text
    assert "accept_request" in text


def test_a_run_that_has_ended_is_not_told_again(told: list[dict[str, Any]]) -> None:
    asyncio.run(deadlines.run_is_late(missed("failed")))
    assert told == []


def test_it_is_told_even_where_the_records_do_not_answer(told: list[dict[str, Any]]) -> None:
    asyncio.run(deadlines.run_is_late(missed("running")))
    [context] = told
    assert context["run_id"] == "r"
    assert context["reason"].endswith("is not known: Groundwork's database does not answer.")
    assert "dag_run" in context
