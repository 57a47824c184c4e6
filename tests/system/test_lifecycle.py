"""A project is extended, renewed, removed and taken back through Airflow; read back without Groundwork."""

from __future__ import annotations

import subprocess
from typing import Any
from urllib.parse import quote

import pytest


def status(database: Any, slug: str) -> str:
    return str(database.execute("SELECT status FROM projects WHERE slug = %s", [slug]).fetchone()["status"])


def namespaces(kubectl: Any, slug: str) -> set[str]:
    found = kubectl("get", "namespaces", "-l", f"groundwork.dev/project={slug}")["items"]
    return {item["metadata"]["name"] for item in found}


@pytest.mark.timeout(600)
def test_a_project_is_extended_renewed_removed_and_taken_back(
    runs: Any,
    runs_of: Any,
    request_body: Any,
    slug: str,
    database: Any,
    kubectl: Any,
    gitlab_api: Any,
    sandbox: Any,
) -> None:
    """Each run says on a note how it ended, and links to what it worked on."""
    pages = f"{sandbox.airflow_url}/groundwork"
    path = f"/projects/{quote(f'platform/{slug}', safe='')}"
    about = {"project_id": slug, "user_id": "demo"}
    assert runs.run({**request_body, "environment_ids": ["dev"]}).state == "success"

    extensions = runs_of("add_environments")
    extended = extensions.run({**about, "environment_ids": ["prod"]})
    assert extended.state == "success", extended.tasks
    assert extensions.note(extended) == "succeeded"
    assert extensions.links(extended, "push_overlays")["Repository"].endswith(f"/platform/{slug}")
    assert [name for name, _ in extensions.events(extended)] == ["project_synced"]
    assert extended.states("environment.wait_until_synced") == {"prod": "success"}
    assert namespaces(kubectl, slug) == {f"project-{slug}-dev", f"project-{slug}-prod"}
    assert status(database, slug) == "synced"

    tokens = {token["id"] for token in gitlab_api.get(f"{path}/deploy_tokens?active=true").json()}
    rotations = runs_of("rotate_credentials")
    renewed = rotations.run({"project_id": slug})
    assert renewed.state == "success", renewed.tasks
    assert rotations.note(renewed) == f"{slug}: succeeded"
    assert rotations.links(renewed, "rotate_project", map_index=0) == {"Project": f"{pages}/projects/{slug}"}
    fresh = {token["id"] for token in gitlab_api.get(f"{path}/deploy_tokens?active=true").json()}
    assert len(fresh) == len(tokens) == 2
    assert not fresh & tokens

    decommissions = runs_of("decommission_project")
    removed = decommissions.run({**about, "repository": "delete"})
    assert removed.state == "success", removed.tasks
    assert decommissions.note(removed) == "succeeded"
    assert "#environment-prod" in decommissions.links(removed, "suspend_flux", map_index=1)["Kustomization"]
    assert removed.states("environment.remove_namespace") == {"dev": "success", "prod": "success"}
    assert namespaces(kubectl, slug) == set()
    assert status(database, slug) == "removed"
    assert gitlab_api.get(path, follow_redirects=True).json()["marked_for_deletion_on"]

    restorations = runs_of("restore_project")
    restored = restorations.run(about)
    assert restored.state == "success", restored.tasks
    assert restorations.note(restored) == "succeeded"
    assert status(database, slug) == "synced"
    assert gitlab_api.get(path).json()["path"] == slug
    reconciliations = runs_of("reconcile_projects")
    assert reconciliations.note(reconciliations.run({"project": slug})).startswith("complete; findings: ")
    assert namespaces(kubectl, slug) == {f"project-{slug}-dev", f"project-{slug}-prod"}


@pytest.mark.timeout(300)
def test_a_refusal_says_why_and_touches_nothing(
    runs: Any, runs_of: Any, request_body: Any, slug: str, database: Any, kubectl: Any, sandbox: Any
) -> None:
    assert runs.run({**request_body, "environment_ids": ["dev"]}).state == "success"
    namespace, about = f"project-{slug}-dev", {"project_id": slug, "user_id": "demo"}
    command = [sandbox.kubectl, "--kubeconfig", sandbox.kubeconfig, "create", "configmap", "by-hand"]
    subprocess.run([*command, "-n", namespace], check=True, capture_output=True)
    decommissions = runs_of("decommission_project")

    refused = decommissions.run(about)

    assert refused.state == "failed"
    assert refused.states("check") == {"": "failed"}
    assert refused.states("close_operation") == {"": "success"}
    assert "ConfigMap by-hand" in decommissions.log(refused, "check")
    assert decommissions.note(refused).startswith("failed: RemovalRefused: ")
    assert namespaces(kubectl, slug) == {namespace}
    assert status(database, slug) == "synced"

    removed = decommissions.run({**about, "delete_foreign_objects": True})
    assert removed.state == "success", removed.tasks
    assert status(database, slug) == "removed"
