"""What Flux refuses ends as `failed` with Flux's own words, is parked, and harms nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

UNKNOWN_ZONE = {"template_id": "scheduled-worker", "template_answers": {"time_zone": "Nowhere/Land"}}
# More CPU than the namespace's quota: the pods are never made, so the workload never becomes healthy.
UNHEALTHY = {"template_answers": {"cpu_request": "90", "cpu_limit": "90"}}


def environment_row(database: Any, slug: str, environment: str) -> dict[str, Any]:
    row: dict[str, Any] = database.execute(
        "SELECT pe.* FROM project_environments pe JOIN projects ON projects.id = project_id"
        " JOIN environments e ON e.id = environment_id WHERE projects.slug = %s AND e.slug = %s",
        [slug, environment],
    ).fetchone()
    return row


def test_a_manifest_flux_refuses_fails_with_its_message(
    runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any
) -> None:
    run = runs.run({**request_body, **UNKNOWN_ZONE, "environment_ids": ["dev"]})
    assert run.state == "failed"
    assert run.states("environment.wait_until_synced") == {"dev": "failed"}
    assert "unknown time zone Nowhere/Land" in runs.log(run, "environment.wait_until_synced", "dev")

    row = environment_row(database, slug, "dev")
    assert (row["status"], row["reason"]) == ("failed", "ReconciliationFailed")
    assert "unknown time zone Nowhere/Land" in row["message"]
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert project["status"] == "failed"
    assert "unknown time zone Nowhere/Land" in project["message"]
    operation = database.execute("SELECT * FROM operations WHERE run_id = %s", [run.run_id]).fetchone()
    assert (operation["status"], operation["reason"]) == ("failed", "ReconciliationFailed")

    [kustomization] = kubectl("get", "kustomizations", "-n", f"project-{slug}-dev")["items"]
    assert kustomization["spec"]["suspend"] is True
    assert kustomization["metadata"]["annotations"]["groundwork.dev/parked"] == "ReconciliationFailed"


def test_one_failing_environment_neither_stops_nor_hides_the_others(
    runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any
) -> None:
    """In `prod` something that is not Groundwork's has the name of an object Groundwork would make."""
    project_id, namespace = str(uuid4()), f"project-{slug}-prod"
    kubectl("create", "namespace", namespace)
    kubectl("label", "namespace", namespace, f"groundwork.dev/project-id={project_id}")
    kubectl("create", "serviceaccount", "flux-reconciler", "-n", namespace)

    run = runs.run({**request_body, "project_id": project_id, "environment_ids": ["dev", "prod"]})
    assert run.state == "failed"
    assert run.states("environment.create_namespace") == {"dev": "success", "prod": "failed"}
    assert run.states("environment.wait_until_synced")["dev"] == "success"
    assert run.states("close_operation") == {"": "success"}
    assert environment_row(database, slug, "dev")["status"] == "synced"
    failed = environment_row(database, slug, "prod")
    assert (failed["status"], failed["reason"]) == ("failed", "Conflict")
    assert "ServiceAccount flux-reconciler" in failed["message"]
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    assert (project["status"], project["message"].startswith("prod: ")) == ("failed", True)
    theirs = kubectl("get", "serviceaccount", "flux-reconciler", "-n", namespace)
    assert "labels" not in theirs["metadata"]


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
