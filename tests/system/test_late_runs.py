"""A run that has not ended by its deadline is told of, with what to do; clearing its tasks works as ever.

The deadline is an hour, so the tests move it in Airflow's own database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

_DEADLINES = """
SELECT deadline.missed, callback.state FROM deadline JOIN callback ON callback.id = callback_id
JOIN dag_run ON dag_run.id = dagrun_id WHERE run_id = %s
"""
_MOVE = """
UPDATE deadline SET deadline_time = now() FROM dag_run WHERE dag_run.id = dagrun_id AND run_id = %s
"""


@pytest.fixture
def airflow_database(sandbox: Any) -> Iterator[psycopg.Connection]:
    with psycopg.connect(sandbox.airflow_database_url, autocommit=True) as connection:
        yield connection


def told(sandbox: Any, run_id: str, seconds: float = 30) -> list[str]:
    """The reasons told about a run, once there is one."""
    deadline = time.monotonic() + seconds
    while not (found := sandbox.told(run_id)):
        assert time.monotonic() < deadline, f"nobody was told of {run_id}"
        time.sleep(0.1)
    return [item["reason"] for item in found]


def test_a_late_run_is_told_of_and_its_tasks_can_be_cleared(
    sandbox: Any,
    runs: Any,
    request_body: dict[str, Any],
    slug: str,
    database: Any,
    airflow_database: psycopg.Connection,
) -> None:
    run_id = runs.start({**request_body, "environment_ids": ["dev"]})
    runs.wait_for(run_id, "environment.create_kustomization", "success")
    assert airflow_database.execute(_DEADLINES, [run_id]).fetchall() == [(False, "scheduled")]

    runs.clear(run_id, "push_template")
    airflow_database.execute(_MOVE, [run_id])

    [reason] = told(sandbox, run_id)
    operation = database.execute("SELECT id FROM operations WHERE run_id = %s", [run_id]).fetchone()
    assert f"The run {run_id} of initialize_project has not ended after 60 min." in reason
    assert f"project '{slug}', as operation {operation['id']}" in reason
    assert f"groundwork diagnose {slug}" in reason
    assert runs.wait(run_id).state == "success"
    assert airflow_database.execute(_DEADLINES, [run_id]).fetchall() == [(True, "success")]
    assert len(sandbox.told(run_id)) == 1

    runs.clear(run_id, "mark_project_synced")
    assert runs.wait(run_id).state == "success"


def test_a_failed_run_is_told_of_once(
    sandbox: Any,
    runs: Any,
    request_body: dict[str, Any],
    airflow_database: psycopg.Connection,
) -> None:
    """Its deadline passes as well, and clearing a task before that works too."""
    run_id = runs.start({**request_body, "environment_ids": ["no-such-environment"]})
    refused = runs.wait(run_id)
    assert refused.state == "failed"
    assert runs.note(refused).startswith("accept_request: InvalidRequest: ")
    told(sandbox, run_id)

    runs.clear(run_id, "accept_request")
    assert runs.wait(run_id).state == "failed"
    airflow_database.execute(_MOVE, [run_id])

    deadline = time.monotonic() + 30
    while airflow_database.execute(_DEADLINES, [run_id]).fetchall() != [(True, "success")]:
        assert time.monotonic() < deadline, airflow_database.execute(_DEADLINES, [run_id]).fetchall()
        time.sleep(0.2)
    assert not [item for item in sandbox.told(run_id) if "has not ended" in item["reason"]]
