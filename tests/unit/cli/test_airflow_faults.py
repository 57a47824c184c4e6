"""Faults of Airflow's REST API that a healthy server cannot be made to show, and what they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from groundwork.clients.airflow import Airflow
from groundwork.errors import (
    Conflict,
    GroundworkError,
    InvalidRequest,
    Misconfigured,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Rejected,
    Unavailable,
)

PASSWORD = "a-secret-nobody-may-see"
RUN: dict[str, Any] = {
    "dag_run_id": "r",
    "dag_id": "d",
    "state": "queued",
    "queued_at": "2026-01-01T00:00:00Z",
    "end_date": None,
    "conf": {},
}
Handler = Callable[[httpx.Request], httpx.Response]


def airflow(answer: Handler) -> Airflow:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        return answer(request)

    return Airflow("http://airflow.test", "admin", PASSWORD, 5, httpx.MockTransport(handle))


def always(status: int, **content: Any) -> Handler:
    return lambda _: httpx.Response(status, **content)


@pytest.mark.parametrize(
    ("answer", "expected", "says"),
    [
        (always(400, json={"detail": "no such run type"}), Rejected, "no such run type"),
        (always(401, json={"detail": "expired"}), NotAllowed, "user 'admin'"),
        (always(403, json={"detail": "Forbidden"}), NotAllowed, "user 'admin'"),
        (always(404, json={"detail": "no such run"}), NotFound, "no such run"),
        (always(409, json={"detail": "taken"}), Conflict, "taken"),
        (always(422, json={"detail": [{"loc": ["body", "x"], "msg": "extra"}]}), Rejected, "body.x: extra"),
        (always(500, text="<html>oops</html>"), Unavailable, "500"),
        (always(502, text="<html>Bad Gateway</html>"), Unavailable, "Bad Gateway"),
        (always(503, json={"detail": None}), Unavailable, "503"),
        (always(200, text="<html>a portal</html>"), Misconfigured, "AIRFLOW_URL"),
        (always(200, json={"state": 1}), Misconfigured, "AIRFLOW_URL"),
        (always(302, headers={"Location": "https://sso.test/"}), Misconfigured, "https://sso.test/"),
    ],
)
def test_every_answer_becomes_an_error_that_says_what_it_was(
    answer: Handler, expected: type[GroundworkError], says: str
) -> None:
    with airflow(answer) as client, pytest.raises(expected) as error:
        client.run("d", "r")

    assert says in error.value.message
    assert "<html>" not in error.value.message
    assert "\n" not in error.value.message
    assert PASSWORD not in error.value.message


def test_a_limit_tells_how_long_to_wait() -> None:
    answer = always(429, headers={"Retry-After": "17"}, json={"detail": "slow down"})

    with airflow(answer) as client, pytest.raises(QuotaExceeded) as error:
        client.run("d", "r")

    assert error.value.retry_after == 17


def test_a_param_that_airflow_refuses_is_named() -> None:
    detail = "Invalid input for param template_id: 'x' is not one of ['a', 'b']\n\nFailed validating ..."

    with airflow(always(400, json={"detail": detail})) as client, pytest.raises(InvalidRequest) as error:
        client.trigger("d", "r", {})

    assert [str(problem) for problem in error.value.problems] == ["template_id: 'x' is not one of ['a', 'b']"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_names_the_user_and_the_settings_but_not_the_password(status: int) -> None:
    transport = httpx.MockTransport(always(status, json={"detail": "Invalid credentials"}))

    with (
        Airflow("http://airflow.test", "bob", PASSWORD, 5, transport) as client,
        pytest.raises(NotAllowed) as error,
    ):
        client.run("d", "r")

    assert "'bob'" in error.value.message
    assert "AIRFLOW_PASSWORD" in error.value.message
    assert PASSWORD not in error.value.message


def test_an_expired_token_is_replaced_once() -> None:
    tokens = iter(["old", "new"])

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": next(tokens)})
        expired = request.headers["Authorization"] == "Bearer old"
        return httpx.Response(401, json={"detail": "expired"}) if expired else httpx.Response(200, json=RUN)

    with Airflow("http://airflow.test", "admin", PASSWORD, 5, httpx.MockTransport(handle)) as client:
        assert client.run("d", "r").run_id == "r"


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout(""), httpx.RemoteProtocolError("cut off")]
)
def test_a_server_that_cannot_be_reached_is_unavailable(failure: Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise failure

    with airflow(answer) as client, pytest.raises(Unavailable, match=r"http://airflow\.test"):
        client.run("d", "r")


@pytest.mark.parametrize(
    "url", ["", "airflow.test", "ftp://airflow.test", "http://", "http://u:p@airflow.test", "http://a:b:c"]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Misconfigured) as error:
        Airflow(url, "admin", PASSWORD, 5)

    assert "u:p" not in error.value.message


def test_a_missing_dag_whose_file_is_broken_says_so() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/importErrors"):
            broken = {"filename": "initialize_project.py", "stack_trace": "Traceback ...\nKeyError: 'x'\n"}
            return httpx.Response(200, json={"import_errors": [broken]})
        return httpx.Response(404, json={"detail": "not found"})

    with airflow(answer) as client, pytest.raises(NotFound, match="KeyError: 'x'"):
        client.dag("initialize_project")


def test_task_instances_are_read_page_by_page() -> None:
    tasks = [
        {
            "task_id": f"t{number}",
            "map_index": -1,
            "state": None,
            "try_number": 0,
            "start_date": None,
            "end_date": None,
            "duration": None,
            "rendered_map_index": None,
        }
        for number in range(230)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        first, size = int(request.url.params["offset"]), int(request.url.params["limit"])
        page = {"task_instances": tasks[first : first + size], "total_entries": len(tasks)}
        return httpx.Response(200, json=page)

    with airflow(answer) as client:
        assert [task.task_id for task in client.task_instances("d", "r")] == [f"t{n}" for n in range(230)]


def test_ids_cannot_leave_their_place_in_the_path() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/api/v2/dags/..%2Fpools/dagRuns/a%20b%2Fc%3Fd"
        return httpx.Response(200, json=RUN)

    with airflow(answer) as client:
        client.run("../pools", "a b/c?d")
