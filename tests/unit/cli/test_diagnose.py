"""How a diagnosis is told, how it ends the command, and that a repair starts one run."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from rich.console import Console

from groundwork.cli.diagnose_command import start
from groundwork.cli.diagnosis_report import Repair, Result, as_json, causes, exit_code, links
from groundwork.clients.airflow import Airflow
from groundwork.model.entities import Observation, Project
from groundwork.model.statuses import Status
from groundwork.operations.diagnosis import Chain, Diagnosis, Link, Place, State
from groundwork.records.cases import Case

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING = Observation(Status.PENDING, "Recorded")
PROJECT = Project(UUID(int=1), UUID(int=2), "shop", "Shop", UUID(int=3), "t", "1", {}, NOW, PENDING)
LINK = Link(
    Place.CREDENTIALS, "groundwork-git", State.BROKEN, "Missing", "it is [gone]", "run again", repairable=True
)
MENDABLE = Chain("dev", (LINK,), LINK)
WANTS_A_PERSON = Chain("prod", (LINK,), replace(LINK, place=Place.WORKLOAD, repairable=False))
WAITING = Chain("dev", (LINK,), replace(LINK, state=State.WAITING))
UNKNOWN = Chain("dev", (LINK,), replace(LINK, state=State.UNKNOWN))
WHOLE = Chain("dev", (), None)
STARTED = Repair(run_id="r", url="http://airflow/r")
CASE = Case(
    project=PROJECT,
    repository=None,
    environments=(),
    operation=None,
    held_until=None,
    steps=(),
    request={
        "name": "Shop",
        "slug": "shop",
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform"},
        "template_id": "web-service",
        "environment_ids": ["dev"],
    },
)


def result(*chains: Chain, repair: Repair | None = None) -> Result:
    return Result(Diagnosis(PROJECT, chains), repair)


def drawn(rendered: Any) -> str:
    told = io.StringIO()
    Console(file=told, width=240).print(rendered, markup=False)
    return told.getvalue()


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 0),
        ([result(WHOLE)], 0),
        ([result(MENDABLE)], 1),
        ([result(WANTS_A_PERSON)], 1),
        ([result(WAITING)], 3),
        ([result(UNKNOWN)], 3),
        ([result(WAITING), result(MENDABLE)], 1),
        ([result(MENDABLE, repair=STARTED)], 0),
        ([result(MENDABLE, WANTS_A_PERSON, repair=STARTED)], 1),
        ([result(MENDABLE, repair=STARTED), result(WANTS_A_PERSON)], 1),
        ([result(MENDABLE, repair=Repair(reason="Unavailable", message="no", temporary=True))], 3),
        ([result(MENDABLE, repair=Repair(reason="Misconfigured", message="paused"))], 1),
    ],
)
def test_the_exit_code_tells_how_it_stands(results: list[Result], code: int) -> None:
    assert exit_code(results) == code


def test_the_link_the_message_and_what_to_do_are_on_one_line() -> None:
    told = drawn(causes([result(MENDABLE, repair=STARTED)]))

    line = next(line for line in told.splitlines() if line.startswith("shop"))
    for text in ("dev", "credentials groundwork-git", "Missing", "it is [gone]", "run again"):
        assert text in line
    assert "shop: run r: http://airflow/r" in told


def test_one_project_is_told_link_by_link() -> None:
    told = drawn(links(result(MENDABLE, repair=Repair(reason="Misconfigured", message="is paused"))))

    assert "Cause: credentials groundwork-git: it is [gone]" in told
    assert "To do: run again" in told
    assert "shop: could not be run again: Misconfigured: is paused" in told


def test_what_is_printed_as_json_holds_every_link() -> None:
    told = json.loads(json.dumps(as_json(result(MENDABLE)), default=str))

    assert (told["project"], told["status"], told["state"], told["repair"]) == (
        "shop",
        "pending",
        "broken",
        None,
    )
    assert told["chains"][0]["cause"] == told["chains"][0]["links"][0]
    assert told["chains"][0]["cause"]["place"] == "credentials"


def airflow_with(runs: dict[str, str]) -> Airflow:
    """Airflow as it answers where runs of these ids are there already, in these states."""
    asked: dict[str, Any] = {}

    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if path.endswith("/dags/initialize_project"):
            dag = {"dag_id": "initialize_project", "is_paused": False, "has_import_errors": False}
            return httpx.Response(200, json=dag)
        if request.method == "GET":
            run_id = path.rpartition("/")[2]
            return httpx.Response(200, json=run_of(run_id, runs[run_id], asked[run_id]))
        body = json.loads(request.content)
        asked[body["dag_run_id"]] = body["conf"]
        if body["dag_run_id"] in runs:
            return httpx.Response(409, json={"detail": "exists"})
        runs[body["dag_run_id"]] = "queued"
        return httpx.Response(200, json=run_of(body["dag_run_id"], "queued", body["conf"]))

    return Airflow("http://airflow.test", "admin", "p", 5, httpx.MockTransport(handle))


def run_of(run_id: str, state: str, conf: dict[str, Any]) -> dict[str, Any]:
    times = {"queued_at": "2026-01-01T00:00:00Z", "end_date": None}
    return {"dag_run_id": run_id, "dag_id": "initialize_project", "state": state, "conf": conf, **times}


def test_a_repair_asked_for_twice_starts_one_run() -> None:
    runs: dict[str, str] = {}
    with airflow_with(runs) as airflow:
        first, second = start(airflow, CASE), start(airflow, CASE)

    assert first.run_id == second.run_id
    assert len(runs) == 1


def test_a_run_that_ended_without_an_operation_does_not_keep_the_next_from_being_started() -> None:
    with airflow_with({"repair-shop-first-1": "failed"}) as airflow:
        run = start(airflow, CASE)

    assert run.run_id == "repair-shop-first-2"
    assert (run.conf or {})["project_id"] == str(PROJECT.id)
