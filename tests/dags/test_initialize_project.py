"""The DAG as Airflow reads it: importable without heavy work, and with the dependencies of the design."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("copier", "git", "gitlab", "kubernetes", "kubernetes_asyncio", "psycopg", "alembic")

DEPENDENCIES = {
    "accept_request": set(),
    "preflight": {"accept_request"},
    "record_resources": {"preflight"},
    "create_repository": {"record_resources"},
    "push_template": {"create_repository"},
    "environment.create_namespace": {"record_resources"},
    "environment.create_credentials": {"create_repository", "environment.create_namespace"},
    "environment.create_git_repository": {"push_template", "environment.create_credentials"},
    "environment.create_kustomization": {"environment.create_git_repository"},
    "environment.wait_until_synced": {"environment.create_kustomization"},
    "environment.mark_environment_synced": {"environment.wait_until_synced"},
    "mark_project_synced": {"environment.mark_environment_synced"},
}

TEARDOWNS = ("apply_failure_policy", "close_operation")


@pytest.fixture(scope="module")
def dag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        from airflow.dag_processing.dagbag import DagBag

        found = DagBag(ROOT / "dags")
    assert found.import_errors == {}
    return found.dags["initialize_project"]


def test_one_task_per_step_in_the_order_of_the_design(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks} == {*DEPENDENCIES, *TEARDOWNS}
    for task_id, upstream in DEPENDENCIES.items():
        # Every task takes the operation's id from the first one; the mapped ones the environments too.
        given = {"accept_request", "record_resources"}
        assert dag.get_task(task_id).upstream_task_ids | given == upstream | given, task_id


def test_a_failure_is_settled_after_every_step_has_ended_and_then_the_operation_closed(dag: Any) -> None:
    settling, closing = map(dag.get_task, TEARDOWNS)
    assert settling.is_teardown
    assert closing.is_teardown
    assert settling.task_id in closing.upstream_task_ids
    # A step may still run although one that waits for it has been given up, if another upstream of that one
    # failed. So every upstream of a step that has several must be waited for, or be upstream of one that is.
    joined = [upstream for upstream in DEPENDENCIES.values() if len(upstream) > 1]
    waited_for = settling.upstream_task_ids
    assert set().union(*joined) <= waited_for
    ends = set(DEPENDENCIES) - set().union(*DEPENDENCIES.values())
    assert ends <= waited_for


def test_failed_work_fails_the_run(dag: Any) -> None:
    """A teardown that counts for the run's state would be the only task that does (DagRun.update_state)."""
    assert not any(dag.get_task(name).on_failure_fail_dagrun for name in TEARDOWNS)


def test_environments_are_mapped_and_named(dag: Any) -> None:
    for task in dag.tasks:
        if task.task_id.startswith("environment."):
            assert "environment" in task.map_index_template, task.task_id


def test_it_runs_only_when_asked(dag: Any) -> None:
    assert dag.timetable.can_be_scheduled is False
    assert dag.catchup is False


def test_it_explains_itself(dag: Any) -> None:
    assert "accept_request → preflight" in dag.doc_md
    for task in dag.tasks:
        assert task.task_id == "environment.wait_until_synced" or task.doc_md, task.task_id


def test_parsing_imports_nothing_heavy() -> None:
    """Every task process parses the file, so what it imports is paid for by every task."""
    code = f"import sys, airflow.sdk, initialize_project; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'dags'}", "AIRFLOW_HOME": "/nonexistent"},
    )
    assert done.stdout.strip() == "[]"


def test_parsing_reaches_neither_network_nor_database(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("parsing a DAG file opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.syspath_prepend(ROOT / "dags")
    sys.modules.pop("initialize_project", None)
    __import__("initialize_project")
