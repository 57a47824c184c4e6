"""`reconcile_projects` in Airflow: a pass heals, and one with much to heal asks a person first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

PATIENCE = 180.0
_RUNS = "/api/v2/dags/reconcile_projects/dagRuns"
_SEED = """
WITH organization AS (
    INSERT INTO organizations (slug, name) VALUES (%(slug)s, %(slug)s) RETURNING id
), membership AS (
    INSERT INTO memberships (organization_id, user_id)
    SELECT organization.id, users.id FROM organization, users WHERE username = 'demo'
)
INSERT INTO environments (organization_id, slug, name, cluster)
SELECT id, 'dev', 'Development', 'groundwork_cluster' FROM organization
"""


@pytest.fixture
def airflow(sandbox: Any) -> Iterator[httpx.Client]:
    """Airflow's REST API as its administrator."""
    login = {"username": sandbox.airflow_user, "password": sandbox.airflow_password}
    with httpx.Client(base_url=sandbox.airflow_url, timeout=30, trust_env=False) as client:
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture
def organization(database: Any) -> str:
    """An organization of its own, so that a pass meets no other test's projects."""
    slug = f"o{uuid4().hex[:8]}"
    database.execute(_SEED, {"slug": slug})
    return slug


@pytest.fixture
def projects(runs: Any, request_body: Any, organization: str) -> list[str]:
    """Two synced projects."""
    slugs = [f"{organization}-{number}" for number in range(2)]
    asked = {**request_body, "organization_id": organization, "environment_ids": ["dev"]}
    started = [runs.start({**asked, "slug": slug, "name": slug}) for slug in slugs]
    assert [runs.wait(run_id).state for run_id in started] == ["success", "success"]
    return slugs


def _until(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return found


def _start(airflow: httpx.Client, organization: str) -> str:
    body = {"logical_date": None, "conf": {"organization": organization}}
    return cast("str", airflow.post(_RUNS, json=body).raise_for_status().json()["dag_run_id"])


def _ended(airflow: httpx.Client, run_id: str) -> str:
    def look() -> Any:
        state = airflow.get(f"{_RUNS}/{run_id}").raise_for_status().json()["state"]
        return state if state in ("success", "failed") else None

    return cast("str", _until(look, f"{run_id} does not end"))


def _answer(airflow: httpx.Client, run_id: str, choice: str) -> str:
    """Answer the question of a run; what was asked."""
    path = f"{_RUNS}/{run_id}/taskInstances/approve_repairs/-1/hitlDetails"

    def look() -> Any:
        found = airflow.get(path)
        return found.json() if found.status_code == httpx.codes.OK else None

    question = _until(look, "nobody was asked")
    answer = {"chosen_options": [choice], "params_input": {}}
    _until(lambda: airflow.patch(path, json=answer).is_success, "the answer is not taken")
    return cast("str", question["body"])


@pytest.mark.timeout(600)
def test_a_pass_heals_and_asks_before_it_heals_much(
    airflow: httpx.Client, projects: list[str], organization: str, kubectl: Any, database: Any
) -> None:
    def open_up(slug: str) -> None:
        patch = '{"spec": {"policyTypes": ["Ingress"]}}'
        place = ("-n", f"project-{slug}-dev")
        kubectl("patch", "networkpolicy", "groundwork", *place, "--type=merge", "-p", patch)

    def closed(slug: str) -> bool:
        found = kubectl("get", "networkpolicy", "groundwork", "-n", f"project-{slug}-dev")
        return bool(found["spec"]["policyTypes"] == ["Ingress", "Egress"])

    open_up(projects[0])
    assert _ended(airflow, _start(airflow, organization)) == "success"
    assert closed(projects[0])

    for slug in projects:
        open_up(slug)
    refused = _start(airflow, organization)
    asked = _answer(airflow, refused, "Reject")
    assert "drifted: NetworkPolicy groundwork of dev" in asked
    assert _ended(airflow, refused) == "success"
    assert not any(closed(slug) for slug in projects)

    approved = _start(airflow, organization)
    _answer(airflow, approved, "Approve")
    assert _ended(airflow, approved) == "success"
    assert all(closed(slug) for slug in projects)

    answers = database.execute(
        "SELECT action, actor FROM audit_events WHERE action LIKE 'reconcile.%' ORDER BY id DESC LIMIT 2"
    ).fetchall()
    assert [row["action"] for row in answers] == ["reconcile.approved", "reconcile.rejected"]
    assert {row["actor"] for row in answers} == {"admin"}
