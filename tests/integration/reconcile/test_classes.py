"""What a pass finds besides drift: untrue statuses, what somebody did on purpose, what nobody claims."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import gitlab
import pytest

from groundwork.errors import Incomplete, NotFound
from groundwork.operations.reconcile import passes
from groundwork.operations.resolution import Run
from tests.driver import Driver, driver

from .passes import Reconcile


@pytest.fixture(scope="module")
def slug(operations: Driver) -> str:
    """A synced project."""
    request = operations.request("dev", "prod")
    assert operations.run(request).status == "succeeded"
    return str(request["slug"])


def _force(database: Any, slug: str, status: str) -> None:
    """All of a project to one status, as a bad day or a hand in the database leaves it."""
    project = database.execute("SELECT id FROM projects WHERE slug = %s", [slug]).fetchone()["id"]
    values = {"id": project, "status": status}
    for statement in (
        "UPDATE gitops_resources SET status = %(status)s WHERE project_environment_id IN"
        " (SELECT id FROM project_environments WHERE project_id = %(id)s)",
        "UPDATE project_environments SET status = %(status)s WHERE project_id = %(id)s",
        "UPDATE repositories SET status = %(status)s WHERE project_id = %(id)s",
        "UPDATE projects SET status = %(status)s WHERE id = %(id)s",
    ):
        database.execute(statement, values)


@pytest.mark.parametrize("status", ["pending", "applied", "drifted"])
def test_what_was_left_unfinished_and_is_there_becomes_synced(
    reconcile: Reconcile, database: Any, slug: str, status: str
) -> None:
    reconcile.run(slug)
    _force(database, slug, status)
    assert reconcile.writes(slug, lambda: reconcile.run(slug)) == []
    assert set(reconcile.statuses(slug).values()) == {"synced"}


def test_stuck_is_told_and_counts_as_healed(reconcile: Reconcile, database: Any, slug: str) -> None:
    _force(database, slug, "pending")
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("stuck", "healed")}
    assert seen.status == "complete"


@pytest.mark.timeout(120)
def test_what_is_recorded_as_synced_and_gone_is_made_again(
    operations: Driver, reconcile: Reconcile, kubectl: Any
) -> None:
    request = operations.request("dev")
    assert operations.run(request).status == "succeeded"
    slug = request["slug"]
    space = f"project-{slug}-dev"
    kubectl("delete", "kustomization", slug, "-n", space)
    kubectl("delete", "namespace", space, "--wait=true")
    begun = reconcile.observe(slug)
    assert ("missing", "open") in reconcile.classes(begun, slug)
    assert reconcile.statuses(slug)["project"] == "drifted"
    reconcile.until_synced(slug)
    assert kubectl("get", "configmap", "settings", "-n", space, "-o", "json")["data"]["environment"] == "dev"


def test_a_foreign_object_in_the_place_is_told_and_not_touched(
    operations: Driver, reconcile: Reconcile, kubectl: Any
) -> None:
    request = operations.request("dev")
    assert operations.run(request).status == "succeeded"
    slug = request["slug"]
    space = f"project-{slug}-dev"
    kubectl("delete", "serviceaccount", "flux-reconciler", "-n", space)
    kubectl("create", "serviceaccount", "flux-reconciler", "-n", space)
    seen = reconcile.run(slug)
    assert ("missing", "repair_failed") in reconcile.classes(seen, slug)
    assert "was not made for this project" in reconcile.findings(seen, slug)[0]["outcome"]
    assert reconcile.statuses(slug)["dev/Guardrails"] == "failed"
    theirs = kubectl("get", "serviceaccount", "flux-reconciler", "-n", space, "-o", "json")
    assert "labels" not in theirs["metadata"]


@pytest.mark.parametrize("kind", ["kustomization", "gitrepository"])
def test_what_somebody_suspended_stays_so_and_is_told(
    reconcile: Reconcile, kubectl: Any, slug: str, kind: str
) -> None:
    space = f"project-{slug}-dev"
    suspend = json.dumps({"spec": {"suspend": True, "interval": "9h"}})
    kubectl("patch", kind, slug, "-n", space, "--type=merge", "-p", suspend)
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("suspended", "open"), ("drifted", "healed")}
    spec = kubectl("get", kind, slug, "-n", space, "-o", "json")["spec"]
    assert (spec["suspend"], spec["interval"]) == (True, "600s")
    assert reconcile.writes(slug, lambda: reconcile.run(slug)) == []
    assert reconcile.statuses(slug)["project"] == "drifted"
    kubectl("patch", kind, slug, "-n", space, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    reconcile.until_synced(slug)


def test_what_flux_cannot_apply_is_told_in_its_words(
    reconcile: Reconcile, api: gitlab.Gitlab, operations: Driver, kubectl: Any
) -> None:
    request = operations.request("dev")
    assert operations.run(request).status == "succeeded"
    slug = request["slug"]
    project = api.projects.get(f"platform/{slug}")
    path = "deploy/overlays/dev/kustomization.yaml"
    file = project.files.get(file_path=path, ref="main")
    good, file.content = file.decode().decode(), "resources: [nothing.yaml]\n"
    file.save(branch="main", commit_message="Break it")
    space = f"project-{slug}-dev"
    for kind, condition in (("gitrepository", "Ready=True"), ("kustomization", "Ready=False")):
        now = f"reconcile.fluxcd.io/requestedAt={uuid4().hex}"
        kubectl("annotate", "--overwrite", kind, slug, "-n", space, now)
        kubectl("wait", f"{kind}/{slug}", "-n", space, f"--for=condition={condition}", "--timeout=60s")
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("failed", "open")}
    assert "BuildFailed" in reconcile.findings(seen, slug)[0]["message"]
    assert reconcile.statuses(slug)["project"] == "failed"
    file.content = good
    file.save(branch="main", commit_message="Mend it")
    kubectl(
        "annotate", "--overwrite", "gitrepository", slug, "-n", space, "reconcile.fluxcd.io/requestedAt=2"
    )
    reconcile.until_synced(slug)


def test_an_operation_whose_run_died_is_ended(reconcile: Reconcile, database: Any, slug: str) -> None:
    database.execute(
        "UPDATE operations SET status = 'running', finished_at = NULL, reason = NULL, message = NULL"
        " WHERE id = (SELECT operation_id FROM leases"
        " JOIN projects ON projects.id = project_id WHERE slug = %s)",
        [slug],
    )
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("dead_operation", "healed")}
    running = database.execute(
        "SELECT count(*) FROM operations JOIN projects ON projects.id = project_id"
        " WHERE slug = %s AND operations.status = 'running'",
        [slug],
    ).fetchone()
    assert running["count"] == 0
    assert reconcile.statuses(slug)["project"] == "synced"


def test_a_project_that_an_operation_holds_is_left_to_it(
    operations: Driver, reconcile: Reconcile, kubectl: Any, slug: str
) -> None:
    begun = reconcile.observe(slug)
    kubectl("delete", "networkpolicy", "groundwork", "-n", f"project-{slug}-dev")
    begun = reconcile.observe(slug)
    project = operations.services.records.projects.find(slug)
    assert project is not None
    request = operations.request("dev", slug=slug, name=project.name, project_id=str(project.id))
    operation = operations.accept(request)
    reconcile.repair(begun)
    [found] = reconcile.findings(begun, slug)
    assert found["state"] == "held"
    assert "is held by operation" in found["outcome"]
    assert reconcile.findings(reconcile.observe(slug), slug) == []
    operations.services.records.lease.release(operation)
    reconcile.run(slug)
    kubectl("get", "networkpolicy", "groundwork", "-n", f"project-{slug}-dev", "-o", "json")


def test_what_nobody_claims_is_told_and_left(reconcile: Reconcile, api: gitlab.Gitlab, kubectl: Any) -> None:
    stranger = str(uuid4())
    kubectl("create", "namespace", f"orphan-{stranger[:8]}")
    kubectl("label", "namespace", f"orphan-{stranger[:8]}", f"groundwork.dev/project-id={stranger}")
    group = api.groups.get("platform")
    topics = ["groundwork", f"groundwork-{stranger}"]
    made = api.projects.create(
        {"name": stranger, "path": stranger, "namespace_id": group.id, "topics": topics}
    )
    seen = reconcile.observe()
    found = [item for item in reconcile.findings(seen) if stranger in item["message"]]
    assert {(item["class"], item["system"], item["policy"]) for item in found} == {
        ("orphan", "gitlab", "report"),
        ("orphan", "cluster", "report"),
    }
    kubectl("get", "namespace", f"orphan-{stranger[:8]}", "-o", "json")
    api.projects.delete(made.id)
    kubectl("delete", "namespace", f"orphan-{stranger[:8]}", "--wait=true")
    later = reconcile.observe()
    assert not [item for item in reconcile.findings(later) if stranger in item["message"]]


@pytest.mark.timeout(120)
def test_a_project_of_which_nothing_is_left_is_told(
    operations: Driver, reconcile: Reconcile, api: gitlab.Gitlab, kubectl: Any
) -> None:
    request = operations.request("dev")
    assert operations.run(request).status == "succeeded"
    slug = request["slug"]
    space = f"project-{slug}-dev"
    project = api.projects.get(f"platform/{slug}")
    api.projects.delete(project.id)
    gone = reconcile.run(slug)
    assert ("repository_gone", "open") in reconcile.classes(gone, slug)
    kubectl("delete", "kustomization", slug, "-n", space)
    kubectl("delete", "namespace", space, "--wait=true")
    part = reconcile.observe(slug, environment="dev")
    assert {found for found, _ in reconcile.classes(part, slug)} == {"repository_gone", "missing"}
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("zombie", "open")}
    assert reconcile.statuses(slug)["project"] == "drifted"


def test_many_repairs_wait_for_approval(
    sandbox_systems: Any, reconcile: Reconcile, kubectl: Any, slug: str
) -> None:
    space = f"project-{slug}-dev"
    kubectl("delete", "resourcequota", "groundwork", "-n", space)
    with driver(sandbox_systems, reconcile_max_repairs=0) as careful:
        services = careful.services
        begun = reconcile.observe(slug, services=services)
        assert begun.held is not None
        assert "1 projects need repair" in begun.held
        assert reconcile.classes(begun, slug) == {("missing", "awaiting_approval")}
        assert "ResourceQuota groundwork of dev" in passes.told(services.records.passes.to_repair(begun.id))
        refused = reconcile.run(slug, services=services)
        assert reconcile.classes(refused, slug) == {("missing", "held")}
        begun = reconcile.observe(slug, services=services)
        run = Run(begun.dag_id, begun.run_id, "somebody")
        passes.repair(services, begun.id, passes.projects_to_repair(services, begun.id), run)
        passes.finish(services, begun.id)
    assert reconcile.classes(begun, slug) == {("missing", "healed")}
    kubectl("get", "resourcequota", "groundwork", "-n", space, "-o", "json")


def test_a_selection_that_nothing_is_recorded_of_is_an_error(reconcile: Reconcile, slug: str) -> None:
    with pytest.raises(NotFound, match="no project in the records for organization 'nobody'"):
        reconcile.observe(organization="nobody")
    with pytest.raises(NotFound, match=f"for project '{slug}' and environment 'staging'"):
        reconcile.observe(slug, environment="staging")


def test_repairs_that_were_cut_off_are_told(reconcile: Reconcile, kubectl: Any, slug: str) -> None:
    kubectl("delete", "resourcequota", "groundwork", "-n", f"project-{slug}-dev")
    begun = reconcile.observe(slug)
    with pytest.raises(Incomplete, match="1 findings were not repaired"):
        passes.finish(reconcile.services, begun.id)
    assert reconcile.classes(begun, slug) == {("missing", "repair_failed")}
    assert reconcile.classes(reconcile.run(slug), slug) == {("missing", "healed")}


def test_a_pass_that_did_not_get_to_look_is_incomplete(reconcile: Reconcile) -> None:
    records = reconcile.services.records.passes
    begun = records.begin("reconcile_projects", uuid4().hex, "tester", {})
    with pytest.raises(Incomplete, match="ended before it had looked"):
        passes.finish(reconcile.services, begun.id)


@pytest.mark.parametrize("kind", ["namespace", "gitrepository", "kustomization"])
def test_what_lost_its_label_gets_it_back_if_it_is_the_very_one_that_was_made(
    reconcile: Reconcile, kubectl: Any, slug: str, kind: str
) -> None:
    space = f"project-{slug}-dev"
    about = (kind, space) if kind == "namespace" else (kind, slug, "-n", space)
    uid = kubectl("get", *about, "-o", "json")["metadata"]["uid"]
    kubectl("label", *about, "groundwork.dev/project-id-")
    seen = reconcile.run(slug)
    assert reconcile.classes(seen, slug) == {("missing", "healed")}
    reconcile.until_synced(slug)
    found = kubectl("get", *about, "-o", "json")["metadata"]
    assert (found["uid"], "groundwork.dev/project-id" in found["labels"]) == (uid, True)
    assert reconcile.writes(slug, lambda: reconcile.run(slug)) == []


def test_another_object_in_the_place_is_not_taken_for_the_one_that_was_made(
    reconcile: Reconcile, kubectl: Any, slug: str
) -> None:
    label = "groundwork.dev/project-id"
    about = ("gitrepository", slug, "-n", f"project-{slug}-dev")
    found = kubectl("get", *about, "-o", "json")
    kubectl("delete", *about)
    other = {"name": slug, "namespace": found["metadata"]["namespace"], "labels": {label: str(uuid4())}}
    kubectl("create", "-f", "-", stdin={**found, "metadata": other})

    assert ("conflict", "open") in reconcile.classes(reconcile.observe(), slug)
    kubectl("label", *about, f"{label}-")
    assert ("missing", "repair_failed") in reconcile.classes(reconcile.run(slug), slug)
    assert label not in kubectl("get", *about, "-o", "json")["metadata"].get("labels", {})

    kubectl("delete", *about)
    reconcile.until_synced(slug)
