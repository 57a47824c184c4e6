"""The DAG that keeps projects true: cheap to parse, one look at a time, repairs only after the gate."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("copier", "git", "gitlab", "kubernetes", "kubernetes_asyncio", "psycopg", "alembic")


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        from airflow.dag_processing.dagbag import DagBag

        found = DagBag(ROOT / "dags")
    assert found.import_errors == {}
    return found.dags["reconcile_projects"]


def test_one_look_at_a_time_every_five_minutes(dag: Any) -> None:
    assert dag.get_task("observe_and_decide").max_active_tis_per_dag == 1
    assert dag.catchup is False
    assert dag.schedule == timedelta(minutes=5)


def test_a_pass_that_waits_for_approval_keeps_no_other_from_running(dag: Any) -> None:
    waiting = timedelta(hours=1) // dag.schedule
    assert dag.max_active_runs > waiting
    assert dag.dagrun_timeout > dag.get_task("approve_repairs").response_timeout == timedelta(hours=1)


def test_nothing_is_repaired_before_the_gate(dag: Any) -> None:
    assert {task.task_id for task in dag.get_task("list_repairs").get_flat_relatives(upstream=True)} == {
        "observe_and_decide",
        "approve_repairs",
    }
    assert "list_repairs" in dag.get_task("repair").upstream_task_ids


def test_a_pass_is_ended_whatever_became_of_it(dag: Any) -> None:
    ending = dag.get_task("finish")
    assert ending.is_teardown
    assert ending.on_failure_fail_dagrun
    assert ending.trigger_rule == "all_done_setup_success"
    assert not ending.downstream_task_ids
    others = {task.task_id for task in dag.tasks} - {"finish"}
    assert {task.task_id for task in ending.get_flat_relatives(upstream=True)} == others


def test_it_can_be_asked_for_a_part(dag: Any) -> None:
    assert set(dag.params) == {"project", "organization", "environment"}
    assert all(dag.params[name] is None for name in dag.params)


def test_it_explains_itself(dag: Any) -> None:
    assert "observe_and_decide → approve_repairs" in dag.doc_md
    assert [task.task_id for task in dag.tasks if not task.doc_md] == []


def test_parsing_imports_nothing_heavy() -> None:
    code = f"import sys, airflow.sdk, reconcile_projects; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'dags'}", "AIRFLOW_HOME": "/nonexistent"},
    )
    assert done.stdout.strip() == "[]"
