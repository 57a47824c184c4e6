"""A request starts one run and no second one, whatever becomes of the answer; following outlives faults."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from rich.console import Console

from groundwork.cli import runs
from groundwork.clients.airflow import Airflow, Run
from groundwork.errors import Conflict, Misconfigured, Rejected, Unavailable

REQUEST = {"slug": "billing-api", "environment_ids": ["dev"]}
Answer = Callable[[httpx.Request], httpx.Response]


def run_of(conf: dict[str, Any], state: str = "queued") -> dict[str, Any]:
    return {
        "dag_run_id": "r",
        "dag_id": "initialize_project",
        "state": state,
        "queued_at": "2026-01-01T00:00:00Z",
        "end_date": None,
        "conf": conf,
    }


def airflow(trigger: Answer, look: Answer, *, paused: bool = False, broken: bool = False) -> Airflow:
    def handle(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        if path.endswith("/importErrors"):
            return httpx.Response(200, json={"import_errors": []})
        if path.endswith("/tasks"):
            return httpx.Response(200, json={"tasks": []})
        if path.endswith("/taskInstances"):
            return httpx.Response(200, json={"task_instances": [], "total_entries": 0})
        if path.endswith("/dags/initialize_project"):
            dag = {"dag_id": "initialize_project", "is_paused": paused, "has_import_errors": broken}
            return httpx.Response(200, json=dag)
        return trigger(request) if request.method == "POST" else look(request)

    return Airflow("http://airflow.test", "admin", "p", 5, httpx.MockTransport(handle))


def taken(_: httpx.Request) -> httpx.Response:
    return httpx.Response(409, json={"detail": "exists"})


def cut_off(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("no answer")


def absent(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={"detail": "not found"})


def present(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=run_of(REQUEST))


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.method} {request.url.path} must not be sent")


def test_the_same_request_under_the_same_id_finds_its_run() -> None:
    with airflow(taken, present) as client:
        assert runs.start(client, REQUEST, "r").run_id == "r"


def test_another_request_under_the_same_id_is_refused() -> None:
    with airflow(taken, present) as client, pytest.raises(Conflict, match="--run-id"):
        runs.start(client, {**REQUEST, "slug": "other"}, "r")


def test_an_answer_that_was_lost_does_not_lose_the_run() -> None:
    with airflow(cut_off, present) as client:
        assert runs.start(client, REQUEST).run_id == "r"


def test_a_run_that_did_not_begin_is_not_claimed() -> None:
    with airflow(cut_off, absent) as client, pytest.raises(Unavailable):
        runs.start(client, REQUEST)


def test_nothing_is_triggered_while_the_dag_is_paused() -> None:
    with airflow(never, never, paused=True) as client, pytest.raises(Misconfigured, match="paused"):
        runs.start(client, REQUEST)


def test_nothing_is_triggered_while_the_dag_cannot_be_imported() -> None:
    with airflow(never, never, broken=True) as client, pytest.raises(Rejected, match="import"):
        runs.start(client, REQUEST)


def faulty(times: int) -> Iterator[httpx.Response]:
    yield from (httpx.Response(502, text="<html>") for _ in range(times))
    yield httpx.Response(200, json=run_of(REQUEST, "success"))


def test_following_outlives_a_short_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_LOOK_SECONDS", 0)
    answers = faulty(3)

    with airflow(never, lambda _: next(answers)) as client:
        ended = runs.follow(client, Run.model_validate(run_of(REQUEST)), ["dev"], Console(file=io.StringIO()))

    assert ended.run.state == "success"


def test_following_gives_up_on_a_server_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_LOOK_SECONDS", 0)
    monkeypatch.setattr(runs, "_OUT_OF_SIGHT_SECONDS", 0)
    with airflow(never, cut_off) as client, pytest.raises(Unavailable):
        runs.follow(client, Run.model_validate(run_of(REQUEST)), ["dev"], Console(file=io.StringIO()))
