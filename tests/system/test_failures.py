"""What Flux refuses ends as `failed` with Flux's own words, is parked, and harms nobody else."""

from __future__ import annotations

from typing import Any

import pytest

# Its pods are never placed, so it never becomes healthy.
UNHEALTHY = {"template_id": "no-node-takes-it"}


def environment_row(database: Any, slug: str, environment: str) -> dict[str, Any]:
    row: dict[str, Any] = database.execute(
        "SELECT pe.* FROM project_environments pe JOIN projects ON projects.id = project_id"
        " JOIN environments e ON e.id = environment_id WHERE projects.slug = %s AND e.slug = %s",
        [slug, environment],
    ).fetchone()
    return row


def test_what_flux_refuses_fails_with_its_message_and_leaves_the_others_alone(
    runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any
) -> None:
    run = runs.run({**request_body, "template_id": "forbidden-in-prod", "environment_ids": ["dev", "prod"]})
    assert run.state == "failed"
    assert run.states("environment.wait_until_synced") == {"dev": "success", "prod": "failed"}
    assert "limitranges" in runs.log(run, "environment.wait_until_synced", "prod")
    assert run.states("close_operation") == {"": "success"}
    assert runs.note(run).startswith("failed: ReconciliationFailed: prod: ")
    assert runs.events(run) == []

    assert environment_row(database, slug, "dev")["status"] == "synced"
    row = environment_row(database, slug, "prod")
    assert (row["status"], row["reason"]) == ("failed", "ReconciliationFailed")
    assert 'cannot patch resource "limitranges"' in row["message"]
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert (project["status"], project["message"].startswith("prod: ")) == ("failed", True)
    assert 'cannot patch resource "limitranges"' in project["message"]
    operation = database.execute("SELECT * FROM operations WHERE run_id = %s", [run.run_id]).fetchone()
    assert (operation["status"], operation["reason"]) == ("failed", "ReconciliationFailed")

    [kustomization] = kubectl("get", "kustomizations", "-n", f"project-{slug}-prod")["items"]
    assert kustomization["spec"]["suspend"] is True
    assert kustomization["metadata"]["annotations"]["groundwork.dev/parked"] == "ReconciliationFailed"


def test_a_failed_run_is_rolled_back_where_that_was_asked_for(
    runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any, gitlab_api: Any
) -> None:
    body = {**request_body, "template_id": "refused-by-flux", "on_failure": "rollback"}

    run = runs.run({**body, "environment_ids": ["dev"]})

    assert run.state == "failed"
    assert run.states("apply_failure_policy") == {"": "success"}
    operation = database.execute("SELECT * FROM operations WHERE run_id = %s", [run.run_id]).fetchone()
    assert (operation["status"], operation["reason"]) == ("failed", "BuildFailed")
    assert "(rollback: removed " in operation["message"]
    assert kubectl("get", "namespaces", "-l", f"groundwork.dev/project={slug}")["items"] == []
    assert gitlab_api.get(f"/projects/platform%2F{slug}").status_code in (301, 404)


@pytest.mark.timeout(300)
def test_five_broken_projects_do_not_keep_a_healthy_one_waiting(
    runs: Any, request_body: Any, slug: str, database: Any
) -> None:
    broken = [f"{slug}-broken{number}" for number in range(5)]
    started = [
        runs.start({**request_body, **UNHEALTHY, "slug": name, "name": name, "environment_ids": ["dev"]})
        for name in broken
    ]
    healthy = runs.run({**request_body, "environment_ids": ["dev"]})
    assert healthy.state == "success"
    still_failing = [run_id for run_id in started if runs.peek(run_id) == "running"]
    assert still_failing, "the healthy project was not synced while the broken ones were failing"
    for name, run_id in zip(broken, started, strict=True):
        assert runs.wait(run_id).state == "failed"
        row = environment_row(database, name, "dev")
        assert (row["status"], row["reason"]) == ("failed", "HealthCheckFailed")
        assert "parked" in row["message"]
