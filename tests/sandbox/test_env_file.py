"""`.sandbox/env` points any tool at the running sandbox: each entry is tried with its tool."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
import psycopg

if TYPE_CHECKING:
    from tests.conftest import SharedSandbox

_KEYS = [
    "GITLAB_URL",
    "GITLAB_TOKEN",
    "KUBECONFIG",
    "KUBECTL",
    "DATABASE_URL",
    "AIRFLOW_URL",
    "AIRFLOW_USER",
    "AIRFLOW_PASSWORD",
]


def _entries(sandbox: SharedSandbox) -> dict[str, str]:
    lines = sandbox.state.env_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_has_exactly_the_promised_keys_for_its_owner_alone(sandbox: SharedSandbox) -> None:
    assert list(_entries(sandbox)) == _KEYS
    assert all(_entries(sandbox).values())
    assert sandbox.state.env_file.stat().st_mode & 0o777 == 0o600


def test_the_database_is_groundworks_own(sandbox: SharedSandbox) -> None:
    with psycopg.connect(_entries(sandbox)["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("groundwork",) * 2


def test_the_kubeconfig_is_an_administrators(sandbox: SharedSandbox) -> None:
    command = [sandbox.kubectl, "--kubeconfig", _entries(sandbox)["KUBECONFIG"], "auth", "can-i", "*", "*"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "yes"


def test_the_token_is_the_bots(sandbox: SharedSandbox) -> None:
    entries = _entries(sandbox)
    answer = httpx.get(
        f"{entries['GITLAB_URL']}/api/v4/user", headers={"PRIVATE-TOKEN": entries["GITLAB_TOKEN"]}
    )
    assert answer.json()["username"] == "groundwork"


def test_the_password_opens_airflow(sandbox: SharedSandbox) -> None:
    entries = _entries(sandbox)
    credentials = {"username": entries["AIRFLOW_USER"], "password": entries["AIRFLOW_PASSWORD"]}
    token = httpx.post(f"{entries['AIRFLOW_URL']}/auth/token", json=credentials).json()["access_token"]
    dag = httpx.get(
        f"{entries['AIRFLOW_URL']}/api/v2/dags/initialize_project",
        headers={"Authorization": f"Bearer {token}"},
    ).json()
    assert (dag["is_paused"], dag["has_import_errors"]) == (False, False)


def test_a_viewer_may_look_but_not_trigger(sandbox: SharedSandbox) -> None:
    credentials = {"username": "viewer", "password": sandbox.state.known_secret("airflow_viewer")}
    with httpx.Client(base_url=sandbox.airflow_url) as client:
        token = client.post("/auth/token", json=credentials).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/api/v2/dags/initialize_project").status_code == httpx.codes.OK
        refused = client.post("/api/v2/dags/initialize_project/dagRuns", json={"logical_date": None})
        assert refused.status_code == httpx.codes.FORBIDDEN
