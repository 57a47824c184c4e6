"""The DAGs of a project's later life: importable without heavy work, in the order of their descriptions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from groundwork.model.entities import OperationKind
from groundwork.orchestration import decommission_steps, steps
from groundwork.web.pages import links

ROOT = Path(__file__).parents[2]
HEAVY = ("copier", "git", "gitlab", "kubernetes", "kubernetes_asyncio", "psycopg", "alembic")
LIFECYCLE = ("decommission_project", "restore_project", "add_environments", "rotate_credentials")
REMOVAL = [
    *("accept_request", "check", "record_removal", "suspend_flux", "freeze_repository", "back_up"),
    *("environment.remove_kustomization", "environment.remove_source", "environment.remove_credentials"),
    *("environment.remove_namespace", "retire_repository", "mark_removed"),
]
# After mapped tasks, which are skipped where there is no environment.
AFTER_MAPPED = ("freeze_repository", "retire_repository")


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
        from airflow.dag_processing.dagbag import DagBag

        found = DagBag(ROOT / "dags")
    assert found.import_errors == {}
    return found.dags


def upstream_of(dag: Any, task_id: str) -> set[str]:
    return {task.task_id for task in dag.get_task(task_id).get_flat_relatives(upstream=True)}


@pytest.mark.parametrize("dag_id", LIFECYCLE)
def test_it_explains_itself_and_runs_only_as_described(dags: Any, dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.doc_md.startswith("# ")
    assert dag.timetable.can_be_scheduled is (dag_id == "rotate_credentials")
    assert dag.catchup is False
    for task in dag.tasks:
        assert task.task_id == "environment.wait_until_synced" or task.doc_md, task.task_id


def test_a_removal_is_one_step_after_the_other(dags: Any) -> None:
    dag = dags["decommission_project"]
    assert {task.task_id for task in dag.tasks} == {*REMOVAL, "close_operation"}
    for number, task_id in enumerate(REMOVAL):
        assert upstream_of(dag, task_id) == set(REMOVAL[:number]), task_id


def test_a_project_without_environments_can_be_removed(dags: Any) -> None:
    for task_id in AFTER_MAPPED:
        assert dags["decommission_project"].get_task(task_id).trigger_rule == "none_failed"


@pytest.mark.parametrize("dag_id", ["decommission_project", "add_environments"])
def test_the_operation_is_closed_after_every_step_has_ended(dags: Any, dag_id: str) -> None:
    closing = dags[dag_id].get_task("close_operation")
    assert closing.is_teardown
    assert not closing.on_failure_fail_dagrun
    others = {task.task_id for task in dags[dag_id].tasks} - {"close_operation"}
    assert upstream_of(dags[dag_id], "close_operation") == others


def test_environments_are_added_by_the_steps_that_make_the_first_ones(dags: Any) -> None:
    def steps(dag_id: str) -> set[str]:
        return {task.task_id for task in dags[dag_id].tasks}

    own = {"push_overlays"}
    assert steps("add_environments") - own == steps("initialize_project") - {
        "push_template",
        "apply_failure_policy",
    }
    added = dags["add_environments"]
    assert "push_overlays" in upstream_of(added, "environment.create_git_repository")


@pytest.mark.parametrize("dag_id", ["initialize_project", *LIFECYCLE])
def test_tasks_link_to_what_they_work_on(dags: Any, dag_id: str) -> None:
    of_many = {"find_due", "initialize_project"}
    on_repositories = {"create_repository", "push_template", "push_overlays", "freeze_repository"}
    for task in dags[dag_id].tasks:
        names = {link.name for link in task.operator_extra_links}
        of_environment = task.task_id.startswith("environment.") or task.task_id == "suspend_flux"
        assert ("Project" in names) is (task.task_id not in of_many), task.task_id
        assert ("Kustomization" in names) is of_environment, task.task_id
        assert "Repository" in names or task.task_id not in on_repositories, task.task_id


@pytest.mark.parametrize(
    ("dag_id", "kind", "table"),
    [
        ("initialize_project", OperationKind.INITIALIZE, steps),
        ("decommission_project", OperationKind.DECOMMISSION, decommission_steps),
    ],
)
def test_each_step_is_the_task_that_a_projects_page_links_to(
    dags: Any, dag_id: str, kind: OperationKind, table: Any
) -> None:
    operation: Any = SimpleNamespace(kind=kind)
    scopes = dict.fromkeys(table.ENVIRONMENT_STEPS, "dev") | dict.fromkeys(table.PROJECT_STEPS, "")
    for step, scope in scopes.items():
        entry: Any = SimpleNamespace(step=step, scope=scope, result=None)
        address = links.task("/run", operation, entry, [])
        task_id = address.removeprefix("/run/tasks/").removesuffix("/mapped")
        assert task_id in dags[dag_id].task_dict, step
        assert address.endswith("/mapped") is bool(scope), step


@pytest.mark.parametrize("dag_id", LIFECYCLE)
def test_parsing_imports_nothing_heavy(dag_id: str) -> None:
    code = f"import sys, airflow.sdk, {dag_id}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'dags'}", "AIRFLOW_HOME": "/nonexistent"},
    )
    assert done.stdout.strip() == "[]"
