"""A request that breaks a rule is refused before anything is made, and the refusal names field and rule."""

from __future__ import annotations

from typing import Any

import pytest

# Refused by the schema when the run is triggered: there is no run at all.
AT_THE_DOOR: list[tuple[str, Any, str]] = [
    # missing, of the wrong type, empty, too long
    ("name", None, "name"),
    ("name", 7, "not of type 'string'"),
    ("name", "", "non-empty"),
    ("name", "x" * 121, "too long"),
    ("user_id", None, "user_id"),
    ("user_id", "", "does not match"),
    ("user_id", ["demo"], "not of type 'string'"),
    ("user_id", "x" * 101, "too long"),
    ("organization_id", None, "organization_id"),
    ("organization_id", True, "not of type 'string'"),
    ("slug", None, "slug"),
    ("slug", "x" * 64, "too long"),
    ("slug", ["a"], "not of type 'string'"),
    ("slug", {"a": 1}, "not of type 'string'"),
    ("template_id", 1, "is not one of"),
    ("template_id", "no-such-template", "not one of"),
    ("template_answers", "replicas=2", "not of type 'object'"),
    ("template_answers", [], "not of type 'object'"),
    ("environment_ids", [], "non-empty"),
    ("environment_ids", "dev", "not of type 'array'"),
    ("environment_ids", {"dev": True}, "not of type 'array'"),
    ("environment_ids", [""], "does not match"),
    ("environment_ids", ["dev", 7], "not of type 'string'"),
    ("environment_ids", [f"e{number}" for number in range(21)], "too long"),
    ("repository", None, "repository"),
    ("repository", "platform", "not of type 'object'"),
    ("repository", {}, "'group_path' is a required property"),
    ("repository", {"group_path": ["platform"]}, "not of type 'string'"),
    ("repository", {"group_path": "platform", "description": "x" * 2001}, "too long"),
    ("repository", {"group_path": "platform", "visibility": "secret"}, "not one of"),
    ("project_id", 5, "not of type 'string'"),
    ("project_id", "not-a-uuid", "not a 'uuid'"),
    ("on_failure", "explode", "not one of"),
    ("dry_run", "yes", "not of type 'boolean'"),
    ("sync_deadline", -1, "less than the minimum"),
    # twice
    ("environment_ids", ["dev", "dev"], "non-unique"),
    # hostile: other places' paths, a shell's, SQL's and git's syntax, letters that look like others
    ("slug", "Not_A_Slug", "does not match"),
    ("slug", "a--b", "does not match"),
    ("slug", "../../etc", "does not match"),
    ("slug", "$(reboot)", "does not match"),
    ("slug", "a; rm -rf /", "does not match"),
    ("slug", "a: {b: c}", "does not match"),
    ("slug", "\u0430pple", "does not match"),
    ("slug", "a\u202eb", "does not match"),
    ("user_id", "' OR 1=1 --", "does not match"),
    ("organization_id", "../x", "does not match"),
    ("template_id", "../../secrets", "is not one of"),
    ("environment_ids", ["dev; reboot"], "does not match"),
    ("repository", {"group_path": "../platform"}, "does not match"),
    ("repository", {"group_path": "platform", "default_branch": "--upload-pack=reboot"}, "does not match"),
    ("repository", {"group_path": "platform", "token": "glpat-x"}, "'token' was unexpected"),
]

# Refused by the first task: the run fails and says why.
BY_THE_RUN: list[tuple[dict[str, Any], str, str]] = [
    ({"user_id": "nobody"}, "user_id", "nobody"),
    ({"user_id": "00000000-0000-0000-0000-000000000000"}, "user_id", "00000000"),
    ({"organization_id": "nowhere"}, "organization_id", "nowhere"),
    ({"environment_ids": ["dev", "moon"]}, "environment_ids", "moon"),
    ({"slug": "wikis"}, "slug", "reserves"),
    ({"slug": "ends-in-a-line\n"}, "slug", "must be lower-case"),
    ({"name": "{{ 7*7 }}"}, "name", "must start with"),
    ({"name": "two\nlines: yes"}, "name", "may contain"),
    ({"slug": "x" * 48, "environment_ids": ["staging"]}, "slug", "too long by 1"),
    ({"name": "<b>bold</b>"}, "name", "must start with"),
    (
        {"repository": {"group_path": "platform", "default_branch": "x.lock"}},
        "repository.default_branch",
        ".lock",
    ),
    ({"template_answers": {"no_such_question": 1}}, "template_answers.no_such_question", None),
    ({"template_answers": {"replicas": "many"}}, "template_answers.replicas", None),
    ({"template_answers": {"image": "x\nkind: Secret"}}, "template_answers.image", None),
    ({"unknown_field": True}, "unknown_field", "Extra inputs"),
]

# Refused by preflight, which asks GitLab and the cluster.
BY_PREFLIGHT: list[tuple[dict[str, Any], str, str]] = [
    ({"repository": {"group_path": "no/such/group"}}, "repository.group_path", "no/such/group"),
    ({"repository": {"group_path": "platform", "visibility": "public"}}, "repository.visibility", "platform"),
    (
        {"template_id": "scheduled-worker", "template_answers": {"time_zone": "Nowhere/Land"}},
        "template_id.dev",
        "unknown time zone Nowhere/Land",
    ),
    (
        {"template_answers": {"cpu_request": "90", "cpu_limit": "90"}},
        "template_answers.dev",
        "the quota is 8",
    ),
]


def nothing_exists(slug: str, database: Any, kubectl: Any, gitlab_api: Any) -> bool:
    repositories = gitlab_api.get("/projects", params={"search": slug}).json()
    namespaces = [item["metadata"]["name"] for item in kubectl("get", "namespaces")["items"]]
    recorded = database.execute(
        "SELECT count(*) AS made FROM repositories JOIN projects ON projects.id = project_id"
        " WHERE slug = %s AND gitlab_id IS NOT NULL",
        [slug],
    ).fetchone()
    return not repositories and not any(f"-{slug}-" in name for name in namespaces) and not recorded["made"]


@pytest.mark.parametrize(
    ("field", "value", "rule"), AT_THE_DOOR, ids=[f"{case[0]}={str(case[1])[:30]!r}" for case in AT_THE_DOOR]
)
def test_the_schema_refuses_when_it_is_triggered(
    runs: Any,
    request_body: Any,
    slug: str,
    database: Any,
    gitlab_api: Any,
    field: str,
    value: Any,
    rule: str,
) -> None:
    # The name is the test's own also where the slug is the one that is wrong.
    body = {**request_body, "name": f"Project {slug}", field: value}
    answer = runs.trigger({key: item for key, item in body.items() if item is not None})
    assert answer.status_code == 400
    assert field in answer.text
    assert rule in answer.json()["detail"]
    assert not database.execute(
        "SELECT FROM projects WHERE slug = %s OR name = %s", [slug, f"Project {slug}"]
    ).fetchall()
    assert gitlab_api.get("/projects", params={"search": slug}).json() == []


@pytest.mark.parametrize("conf", ["x", 7, ["dev"], True])
def test_what_is_no_request_at_all_is_refused(runs: Any, conf: Any) -> None:
    answer = runs.trigger(conf)
    assert answer.status_code == 422
    assert "valid dictionary" in answer.text


def test_an_empty_request_is_refused(runs: Any) -> None:
    assert runs.trigger({}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field", "rule"), BY_THE_RUN, ids=[str(case[0])[:50] for case in BY_THE_RUN]
)
def test_the_run_refuses_what_only_a_look_can_tell(
    runs: Any,
    request_body: Any,
    database: Any,
    kubectl: Any,
    gitlab_api: Any,
    change: dict[str, Any],
    field: str,
    rule: str | None,
) -> None:
    body = {**request_body, **change}
    run = runs.run(body)
    assert (run.state, run.states("accept_request")) == ("failed", {"": "failed"})
    log = runs.log(run, "accept_request")
    assert field in log
    assert (rule or field) in log
    assert not database.execute("SELECT FROM projects WHERE slug = %s", [body["slug"]]).fetchall()
    assert nothing_exists(body["slug"], database, kubectl, gitlab_api)
    refusal = database.execute(
        "SELECT * FROM audit_events WHERE details ->> 'run_id' = %s", [run.run_id]
    ).fetchone()
    assert (refusal["action"], refusal["actor"]) == ("request.refused", "admin")


@pytest.mark.parametrize(
    ("change", "field", "rule"), BY_PREFLIGHT, ids=[str(case[0]) for case in BY_PREFLIGHT]
)
def test_preflight_refuses_before_anything_is_made(
    runs: Any,
    request_body: Any,
    slug: str,
    database: Any,
    kubectl: Any,
    gitlab_api: Any,
    change: dict[str, Any],
    field: str,
    rule: str,
) -> None:
    run = runs.run({**request_body, **change})
    assert (run.state, run.states("preflight")) == ("failed", {"": "failed"})
    assert nothing_exists(slug, database, kubectl, gitlab_api)
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert (project["status"], project["reason"]) == ("failed", "PreflightFailed")
    assert field in project["message"]
    assert rule in project["message"]


def test_a_refused_slug_is_free_for_the_next_request(runs: Any, request_body: Any) -> None:
    body = {**request_body, "environment_ids": ["dev"]}
    assert runs.run({**body, "repository": {"group_path": "no-such-group"}}).state == "failed"
    assert runs.run(body).state == "success"


def test_a_taken_slug_is_refused(runs: Any, request_body: Any, database: Any, slug: str) -> None:
    body = {**request_body, "environment_ids": ["dev"]}
    assert runs.run(body).state == "success"
    second = runs.run({**body, "name": "Somebody else"})
    assert second.states("accept_request") == {"": "failed"}
    assert f"'{slug}' is taken" in runs.log(second, "accept_request")
    [project] = database.execute("SELECT name, status FROM projects WHERE slug = %s", [slug]).fetchall()
    assert project == {"name": body["name"], "status": "synced"}


def test_two_requests_for_one_slug_at_once_make_one_project(
    runs: Any, request_body: Any, database: Any, slug: str
) -> None:
    body = {**request_body, "environment_ids": ["dev"]}
    started = [runs.start(body) for _ in range(2)]
    assert sorted(runs.wait(run_id).state for run_id in started) == ["failed", "success"]
    [project] = database.execute("SELECT status FROM projects WHERE slug = %s", [slug]).fetchall()
    assert project["status"] == "synced"


def test_a_user_of_another_organization_is_refused(runs: Any, request_body: Any, database: Any) -> None:
    database.execute(
        "INSERT INTO users (username, name) VALUES ('outsider', 'Out Sider') ON CONFLICT DO NOTHING"
    )
    run = runs.run({**request_body, "user_id": "outsider"})
    assert run.state == "failed"
    assert "user_id: 'outsider' is not a member of organization 'platform'" in runs.log(run, "accept_request")


def test_a_repository_that_is_somebody_elses_is_not_touched(
    runs: Any, request_body: Any, slug: str, gitlab_api: Any, database: Any
) -> None:
    group = gitlab_api.get("/groups/platform").json()
    theirs = gitlab_api.post(
        "/projects", json={"name": slug, "path": slug, "namespace_id": group["id"], "description": "theirs"}
    ).json()
    run = runs.run(request_body)
    assert run.states("preflight") == {"": "failed"}
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert "not made for this project" in project["message"]
    after = gitlab_api.get(f"/projects/{theirs['id']}").json()
    assert (after["topics"], after["description"]) == ([], "theirs")


def test_a_namespace_that_is_somebody_elses_is_not_touched(
    runs: Any, request_body: Any, slug: str, kubectl: Any, database: Any
) -> None:
    namespace = f"project-{slug}-dev"
    before = kubectl("create", "namespace", namespace)
    run = runs.run(request_body)
    assert run.states("preflight") == {"": "failed"}
    assert kubectl("get", "namespace", namespace)["metadata"]["labels"] == before["metadata"]["labels"]
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert namespace in project["message"]
