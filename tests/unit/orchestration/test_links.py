"""Where the links beside a task's log lead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from groundwork.orchestration import links

RUN: Any = SimpleNamespace(dag_id="add_environments", run_id="manual__2026-01-01T00:00:00+00:00")
PAGE = "/groundwork/runs/add_environments/manual__2026-01-01T00%3A00%3A00%2B00%3A00"


@pytest.fixture(autouse=True)
def _base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/team/")


@pytest.mark.parametrize(
    ("operator", "environment"),
    [
        (SimpleNamespace(op_kwargs={"environment": "dev"}), "dev"),
        (SimpleNamespace(environment="prod"), "prod"),
    ],
    ids=["a function", "a sensor"],
)
def test_a_kustomization_is_shown_with_its_environment(operator: Any, environment: str) -> None:
    address = links.KustomizationLink().get_link(operator, ti_key=RUN)
    assert address == f"https://airflow.example/team{PAGE}#environment-{environment}"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [({}, PAGE), ({"project": "billing"}, "/groundwork/projects/billing")],
    ids=["of the run", "of the project that the task was given"],
)
def test_a_project_has_a_page(arguments: dict[str, str], path: str) -> None:
    address = links.ProjectLink().get_link(SimpleNamespace(op_kwargs=arguments), ti_key=RUN)
    assert address == f"https://airflow.example/team{path}"


def test_a_repository_is_where_the_records_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "repository_url", lambda dag_id, run_id: f"{dag_id} {run_id}")
    address = links.RepositoryLink().get_link(SimpleNamespace(op_kwargs={}), ti_key=RUN)
    assert address == f"{RUN.dag_id} {RUN.run_id}"
