"""The main job: one request over REST becomes a repository, records and environments that Flux has synced."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from ..crash.invariants import broken_after_success
from ..crash.reality import read
from ..crash.systems import systems_of


def test_a_request_becomes_a_synced_project(
    sandbox: Any,
    runs: Any,
    request_body: Any,
    slug: str,
    database: Any,
    kubectl: Any,
    gitlab_api: Any,
    git: Any,
    tmp_path: Path,
) -> None:
    run = runs.run(request_body)
    assert run.state == "success"
    assert run.states("environment.wait_until_synced") == {"dev": "success", "prod": "success"}
    operation = database.execute("SELECT id FROM operations WHERE run_id = %s", [run.run_id]).fetchone()
    assert runs.events(run) == [("project_synced", {"operation_id": str(operation["id"])})]
    page = f"{sandbox.airflow_url}/groundwork/runs/initialize_project/{quote(run.run_id, safe='')}"
    url = f"{sandbox.gitlab_url}/platform/{slug}"
    assert runs.links(run, "push_template") == {"Project": page, "Repository": url}
    for task in ("create_kustomization", "wait_until_synced"):
        links = runs.links(run, f"environment.{task}", map_index=1)
        assert links["Kustomization"] == f"{page}#environment-prod", task
    assert links["Repository"] == url

    repository = gitlab_api.get(f"/projects/{quote(f'platform/{slug}', safe='')}").json()
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert {"groundwork", f"groundwork-{project['id']}"} <= set(repository["topics"])
    assert (repository["visibility"], repository["description"]) == ("private", "Made by a test")

    working_tree = tmp_path
    git("clone", "--quiet", f"{sandbox.gitlab_url}/platform/{slug}.git", ".", folder=working_tree)
    revision = git("rev-parse", "HEAD", folder=working_tree)
    assert yaml.safe_load((working_tree / ".groundwork.yaml").read_text())["project"]["id"] == str(
        project["id"]
    )
    assert (working_tree / ".copier-answers.yml").is_file()
    assert {item.name for item in (working_tree / "deploy/overlays").iterdir()} == {"dev", "prod"}

    assert (project["status"], project["revision"]) == ("synced", revision)
    environments = database.execute(
        "SELECT * FROM project_environments WHERE project_id = %s", [project["id"]]
    ).fetchall()
    assert {row["namespace"] for row in environments} == {f"project-{slug}-dev", f"project-{slug}-prod"}
    assert {(row["status"], row["revision"]) for row in environments} == {("synced", revision)}
    resources = database.execute(
        "SELECT DISTINCT r.status FROM gitops_resources r JOIN project_environments pe"
        " ON pe.id = project_environment_id WHERE project_id = %s",
        [project["id"]],
    )
    assert resources.fetchall() == [{"status": "synced"}]

    for namespace in (row["namespace"] for row in environments):
        assert kubectl("get", "namespace", namespace)["metadata"]["labels"]["groundwork.dev/project"] == slug
        [kustomization] = kubectl("get", "kustomizations", "-n", namespace)["items"]
        assert kustomization["status"]["lastAppliedRevision"] == f"main@sha1:{revision}"
        [deployment] = kubectl("get", "deployments", "-n", namespace)["items"]
        assert deployment["status"]["availableReplicas"] >= 1
        kinds = kubectl("get", "resourcequota,limitrange,networkpolicy,rolebinding", "-n", namespace)["items"]
        assert {"ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding"} <= {
            item["kind"] for item in kinds
        }


def test_who_asked_and_who_triggered_are_both_recorded(runs: Any, request_body: Any, database: Any) -> None:
    run = runs.run({**request_body, "environment_ids": ["dev"]})
    assert runs.note(run) == "succeeded"
    operation = database.execute(
        "SELECT o.*, username FROM operations o JOIN users ON users.id = requested_by WHERE run_id = %s",
        [run.run_id],
    ).fetchone()
    assert (operation["status"], operation["username"], operation["triggered_by"]) == (
        "succeeded",
        "demo",
        "admin",
    )
    assert operation["finished_at"] is not None
    lease = database.execute(
        "SELECT expires_at <= now() AS free FROM leases WHERE operation_id = %s", [operation["id"]]
    ).fetchone()
    assert lease["free"]


def test_users_organizations_and_environments_may_be_named_by_id(
    runs: Any, request_body: Any, database: Any
) -> None:
    def id_of(sql: str) -> str:
        return str(database.execute(sql).fetchone()["id"])

    body = {
        **request_body,
        "user_id": id_of("SELECT id FROM users WHERE username = 'demo'"),
        "organization_id": id_of("SELECT id FROM organizations WHERE slug = 'platform'"),
        "environment_ids": [id_of("SELECT id FROM environments WHERE slug = 'dev'")],
    }
    assert runs.run(body).state == "success"


def test_running_it_again_doubles_nothing(
    runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any, gitlab_api: Any
) -> None:
    body = {**request_body, "environment_ids": ["dev"]}
    assert runs.run(body).state == "success"
    before = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    again = runs.run({**body, "project_id": str(before["id"])})
    assert again.state == "success"

    after = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchall()
    assert [(row["id"], row["revision"], row["status"]) for row in after] == [
        (before["id"], before["revision"], "synced")
    ]
    found = gitlab_api.get("/projects", params={"search": slug}).json()
    assert [item["path"] for item in found] == [slug]
    commits = gitlab_api.get(f"/projects/{found[0]['id']}/repository/commits").json()
    assert [commit["id"] for commit in commits] == [before["revision"]]
    tokens = gitlab_api.get(f"/projects/{found[0]['id']}/deploy_tokens", params={"active": True}).json()
    assert len(tokens) == 1
    namespace = f"project-{slug}-dev"
    [secret] = [
        item
        for item in kubectl("get", "secrets", "-n", namespace)["items"]
        if "groundwork.dev/deploy-token-id" in item["metadata"].get("annotations", {})
    ]
    assert secret["metadata"]["annotations"]["groundwork.dev/deploy-token-id"] == str(tokens[0]["id"])
    assert len(kubectl("get", "gitrepositories", "-n", namespace)["items"]) == 1
    assert len(kubectl("get", "kustomizations", "-n", namespace)["items"]) == 1


@pytest.mark.parametrize(
    "task_id",
    ["accept_request", "push_template", "environment.create_credentials", "environment.wait_until_synced"],
)
def test_a_cleared_task_changes_nothing(
    sandbox: Any, runs: Any, request_body: Any, slug: str, task_id: str
) -> None:
    """Cleared as in the UI, with all that come after it."""
    run = runs.run({**request_body, "template_id": "settings-only"})
    assert run.state == "success"
    runs.clear(run.run_id, task_id)
    assert runs.wait(run.run_id).state == "success"
    assert broken_after_success(read(systems_of(sandbox), slug), request_body["environment_ids"]) == []


def test_the_deploy_token_reads_and_nothing_else(
    sandbox: Any, runs: Any, request_body: Any, slug: str, kubectl: Any, git: Any, tmp_path: Path
) -> None:
    assert runs.run({**request_body, "environment_ids": ["dev"]}).state == "success"
    secret = kubectl("get", "secret", "groundwork-git", "-n", f"project-{slug}-dev")["data"]
    credential = f"{_decoded(secret['username'])}:{_decoded(secret['password'])}"
    url = f"{sandbox.gitlab_url}/platform/{slug}.git"
    git("clone", "--quiet", url, ".", folder=tmp_path, credential=credential)
    git("commit", "--quiet", "--allow-empty", "--message", "x", folder=tmp_path)
    with pytest.raises(subprocess.CalledProcessError):
        git("push", "--quiet", folder=tmp_path, credential=credential)


def _decoded(value: str) -> str:
    return b64decode(value).decode()
