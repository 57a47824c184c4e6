"""The API as another program uses it: requests, keys, problems, runs of other DAGs, what is escaped."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import psycopg
import pytest

from groundwork.model.entities import Observation
from groundwork.model.statuses import Status
from groundwork.records import Records

from .conftest import Caller

SCRIPT = "<script>alert('groundwork')</script>"


def follow(client: httpx.Client, run: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
    """The run once Airflow has ended it."""
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = client.get(f"/runs/{run['dag_id']}/{run['run_id']}").raise_for_status().json()
        if found["state"] in ("success", "failed"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.3)


def test_the_same_key_starts_one_run_and_another_request_under_it_is_refused(
    caller: Caller, body: dict[str, Any], slug: str
) -> None:
    client, key = caller(), {"Idempotency-Key": f"key-of-{slug}"}
    first = client.post("/projects", json=body, headers=key)
    assert first.status_code == 202, first.text
    assert first.headers["location"].endswith(f"/runs/initialize_project/{first.json()['run_id']}")
    again = client.post("/projects", json=body, headers=key)
    assert again.status_code == 200
    assert again.json()["run_id"] == first.json()["run_id"]
    # The same said in another way is the same request.
    spelled = {**body, "on_failure": "keep", "repository": {**body["repository"], "visibility": "private"}}
    assert client.post("/projects", json=spelled, headers=key).json()["run_id"] == first.json()["run_id"]
    other = client.post("/projects", json={**body, "name": "Another"}, headers=key)
    assert (other.status_code, other.headers["content-type"]) == (409, "application/problem+json")
    # A key is its caller's own.
    theirs = caller("op").post("/projects", json={**body, "slug": f"{slug}-b"}, headers=key)
    assert theirs.status_code == 202

    ended = follow(client, first.json())
    assert ended["state"] == "success"
    project = client.get(f"/projects/{slug}").json()
    assert project["status"] == "synced"
    noted = caller(root="/api/v2").get(f"/dags/initialize_project/dagRuns/{ended['run_id']}").json()
    assert noted["note"] == "succeeded"
    assert project["operations"][0]["triggered_by"] == "admin"
    assert project["requested_by"]["username"] == "demo"
    assert ended["operation_id"] == project["operations"][0]["id"]
    assert [item["kind"] for item in project["environments"][0]["resources"]][-1] == "Kustomization"
    assert client.get(f"/operations/{ended['operation_id']}").json() == project["operations"][0]
    assert client.get(f"/projects/{project['id']}").json()["slug"] == slug
    events = client.get(f"/projects/{slug}/events").json()
    actions = [event["action"] for event in events]
    assert (actions[0], actions[-1]) == ("operation.opened", "operation.closed")
    assert client.get(f"/projects/{slug}/events", params={"after": events[0]["id"]}).json() == events[1:]
    nothing = client.post(f"/projects/{slug}/retry")
    assert (nothing.status_code, nothing.json()["reason"]) == (409, "Conflict")


def test_a_plan_shows_every_change_and_makes_none(
    caller: Caller, records: Records, body: dict[str, Any], slug: str
) -> None:
    answer = caller().post("/plan", json=body)
    assert answer.status_code == 200, answer.text
    planned = [(item["system"], item["kind"], item["action"]) for item in answer.json()["changes"]]
    assert ("gitlab", "Repository", "create") in planned
    assert ("cluster", "Kustomization", "create") in planned
    assert answer.json()["problems"] == []
    assert records.projects.find(slug) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Not_A_Slug"}, "slug"),
        ({"name": SCRIPT}, "name"),
        ({"organization_id": "nobody"}, "organization_id"),
        ({"template_id": "nothing"}, "template_id"),
        ({"template_answers": {"unknown": 1}}, "template_answers.unknown"),
        ({"environment_ids": []}, "environment_ids"),
        ({"environment_ids": ["moon"]}, "environment_ids"),
        ({"repository": {"group_path": "a//b"}}, "repository.group_path"),
        ({"repository": {}}, "repository.group_path"),
        ({"surplus": True}, "surplus"),
    ],
)
def test_a_bad_request_is_a_problem_that_names_the_field(
    caller: Caller, records: Records, body: dict[str, Any], slug: str, change: dict[str, Any], field: str
) -> None:
    for path in ("/projects", "/plan"):
        answer = caller().post(path, json={**body, **change})
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["reason"]) == (422, "InvalidRequest")
        assert field in [item["field"] for item in problem["errors"]]
    assert records.projects.find(slug) is None


def test_an_unknown_project_is_a_problem(caller: Caller) -> None:
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/retry"), ("POST", "/reconcile")):
        answer = caller().request(method, f"/projects/no-such-project{path}")
        assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound"), path


def test_a_run_of_another_dag_has_no_project(caller: Caller) -> None:
    answer = caller(root="/groundwork").get("/runs/some_other_dag/manual__2026")
    assert answer.status_code == 200
    assert "does not belong to Groundwork" in answer.text


def test_a_refused_request_says_why_on_the_page_of_its_run(caller: Caller, body: dict[str, Any]) -> None:
    """Triggered past the API, in Airflow's own form, with a user that does not exist."""
    conf = {**body, "user_id": "nobody-at-all"}
    airflow, client = caller(root="/api/v2"), caller()
    run = airflow.post("/dags/initialize_project/dagRuns", json={"logical_date": None, "conf": conf}).json()
    ended = follow(client, {"dag_id": "initialize_project", "run_id": run["dag_run_id"]})
    assert (ended["state"], ended["project_id"]) == ("failed", None)
    assert "nobody-at-all" in ended["refusal"]
    page = caller(root="/groundwork").get(f"/runs/initialize_project/{run['dag_run_id']}")
    assert "nobody-at-all" in page.text


def test_the_stream_tells_what_happens(caller: Caller, body: dict[str, Any], slug: str) -> None:
    client = caller()
    run = client.post("/projects", json=body).json()
    while not client.get(f"/runs/{run['dag_id']}/{run['run_id']}").json()["project_id"]:
        time.sleep(0.2)
    statuses, actions = [], []
    with client.stream("GET", f"/projects/{slug}/events/stream", headers={"Last-Event-ID": "0"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if not line.startswith("data: "):
                continue
            data = json.loads(line.removeprefix("data: "))
            if name == "event":
                actions.append(data["action"])
            elif name == "project":
                statuses.append(data["status"])
            if actions[-1:] == ["operation.closed"]:
                break
    assert actions[0] == "operation.opened"
    assert statuses[0] != "synced"


def test_what_anybody_typed_is_shown_as_text(
    caller: Caller, records: Records, database: psycopg.Connection[Any], slug: str, body: dict[str, Any]
) -> None:
    """Names, answers and Flux's own messages with a script in them, put past the rules into the records."""
    client = caller()
    follow(client, client.post("/projects", json=body).json())
    project = records.projects.find(slug)
    assert project is not None
    [environment] = records.resources.environments_of(project.id)
    database.execute(
        "UPDATE projects SET name = %s, template_answers = %s, template_version = %s WHERE id = %s",
        [SCRIPT, json.dumps({"image": SCRIPT}), SCRIPT, project.id],
    )
    records.audit.append(SCRIPT, "project.tried", project_id=project.id, details={"message": SCRIPT})
    kustomization = records.resources.resources(environment.id)[-1]
    failed = Observation(Status.FAILED, "HealthCheckFailed", f"Flux said: {SCRIPT}")
    records.observations.resource_observed(environment.id, kustomization.kind, failed)
    pages = caller(root="/groundwork")
    for path in (f"/projects/{slug}", "/projects", f"/projects?search={SCRIPT}"):
        text = pages.get(path).text
        assert "<script>alert" not in text
    text = pages.get(f"/projects/{slug}").text
    assert "Flux said: &lt;script&gt;" in text
    assert text.count("<script") == 1  # the page's own


@pytest.fixture
def database(sandbox: Any) -> Any:
    """The records, written past every rule of Groundwork."""
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        yield connection
