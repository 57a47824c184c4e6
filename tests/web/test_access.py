"""Nobody gets in past Airflow's auth manager: every route refuses strangers, every change refuses viewers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from groundwork.records import Records

from .conftest import Caller

ROOT = Path(__file__).parents[2]
PARAMETERS = {
    "project": "no-such-project",
    "operation_id": "7d1d4a4e-0000-4000-8000-000000000000",
    "dag_id": "initialize_project",
    "run_id": "no-such-run",
    "template_id": "web-service",
    "name": "app.css",
}
ACTING_PAGES = {"/new"}
LIST_ROUTES = """
import json
from groundwork.web.app import create_app
app = create_app(type("Backend", (), {"database_url": None})())
print(json.dumps([[sorted(route.methods), route.path] for route in app.routes]))
"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Every method and path there is. A mount or websocket has no methods and makes this fail."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "include"),
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
    }
    done = subprocess.run(
        [sys.executable, "-c", LIST_ROUTES], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return [(method, path.format(**PARAMETERS)) for methods, path in found for method in methods]


def test_every_route_refuses_strangers(routes: list[tuple[str, str]], caller: Caller) -> None:
    client = caller(None, root="/groundwork")
    assert len(routes) > 20
    for method, path in routes:
        # From the page's own origin, so that it is the missing login and nothing else that is refused.
        answer = client.request(method, path, json={}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 401, (method, path)


def test_a_token_that_is_not_airflows_is_refused(routes: list[tuple[str, str]], caller: Caller) -> None:
    client = caller(None, root="/groundwork")
    for method, path in routes:
        answer = client.request(method, path, json={}, headers={"Authorization": "Bearer a.b.c"})
        assert answer.status_code in (401, 403), (method, path)


def test_a_viewer_reads_everything_and_changes_nothing(routes: list[tuple[str, str]], caller: Caller) -> None:
    client = caller("viewer", root="/groundwork")
    for method, path in routes:
        answer = client.request(method, path, json={})
        if method != "GET" or path in ACTING_PAGES:
            assert answer.status_code == 403, (method, path)
        else:
            assert answer.status_code in (200, 307, 404, 422), (method, path, answer.text)


def test_a_change_by_cookie_is_taken_only_from_the_same_origin(
    caller: Caller, tokens: dict[str, str], body: dict[str, Any]
) -> None:
    client = caller(None)
    host = client.base_url.netloc.decode()
    own, foreign = f"http://{host}", "https://evil.example"
    cookie = {"Cookie": f"_token={tokens['admin']}"}
    cases: list[tuple[dict[str, str], bool]] = [
        ({}, False),
        ({"Origin": foreign}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": own}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": own}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": own}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ]
    for headers, taken in cases:
        answer = client.post("/plan", json=body, headers={**cookie, **headers})
        assert answer.status_code == (200 if taken else 403), (headers, answer.text)
    as_a_form_would = {**cookie, "Content-Type": "text/plain"}
    assert client.post("/plan", json=body, headers=as_a_form_would).status_code == 403


def test_who_asks_is_who_is_logged_in(
    caller: Caller, records: Records, body: dict[str, Any], slug: str
) -> None:
    del body["user_id"]
    assert caller("user").post("/plan", json=body).status_code == 200
    unknown = caller("admin").post("/plan", json=body)
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["field"] == "user_id"
    assert records.projects.find(slug) is None


def test_only_an_operator_names_somebody_else(caller: Caller, records: Records, body: dict[str, Any]) -> None:
    del records
    assert caller("user").post("/plan", json={**body, "user_id": "user"}).status_code == 200
    refused = caller("user").post("/plan", json={**body, "user_id": "demo"})
    assert (refused.status_code, refused.json()["reason"]) == (403, "NotAllowed")
    assert caller("op").post("/plan", json={**body, "user_id": "demo"}).status_code == 200


def test_pages_carry_a_policy_without_inline_script(caller: Caller) -> None:
    answer = caller(root="/groundwork").get("/projects")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert " onclick=" not in answer.text
    assert " style=" not in answer.text


def test_the_app_is_closed_when_it_cannot_be_built() -> None:
    import asyncio

    from groundwork.web.mounted import App, MountedApp

    def broken() -> App:
        raise ImportError("Airflow's security is elsewhere now")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=MountedApp(broken))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.test") as client:
            return await client.get("/projects")

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
