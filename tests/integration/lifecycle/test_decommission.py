"""A removed project is gone everywhere, and nothing that was not its own went with it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gitlab
import pytest
import yaml

from groundwork.errors import InvalidRequest, ProjectBusy
from groundwork.model.entities import Project
from groundwork.operations import environment_steps, preflight, project_steps, sync

from .lifecycle import Lifecycle

Kubectl = Callable[..., Any]


def namespaces(kubectl: Kubectl, project: Project) -> list[str]:
    found = kubectl("get", "namespaces", "-l", f"groundwork.dev/project-id={project.id}", "-o", "json")
    return [item["metadata"]["name"] for item in found["items"]]


def repository(api: gitlab.Gitlab, life: Lifecycle, project: Project) -> Any:
    return api.projects.get(life.records.resources.repository(project.id).gitlab_id)


def tokens(repository: Any) -> list[str]:
    return [token.name for token in repository.deploytokens.list(active=True, get_all=True)]


def commit(repository: Any, branch: str = "main") -> None:
    repository.files.create(
        {"file_path": "mine.txt", "branch": branch, "content": "mine", "commit_message": "Somebody's work"}
    )


def config_map(namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
    }


def test_a_project_is_removed_everywhere(life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl) -> None:
    project = life.project("dev", "prod")
    assert len(tokens(repository(api, life, project))) == 2

    operation = life.decommission(project)

    assert operation.status == "succeeded", operation.message
    assert namespaces(kubectl, project) == []
    found = repository(api, life, project)
    assert found.archived
    assert tokens(found) == []
    assert set(life.states(project).values()) == {"removed"}
    [tombstone] = [
        event for event in life.records.audit.timeline(project.id) if event.action == "removal.finished"
    ]
    assert tombstone.details["retire_repository"]["repository"] == "archive"


def test_flux_has_pruned_before_the_namespace_goes(life: Lifecycle, kubectl: Kubectl) -> None:
    """A suspended Kustomization prunes nothing when it is deleted: it must have been resumed."""
    project = life.project("dev")
    namespace = f"project-{project.slug}-dev"
    assert kubectl("get", "configmap", "settings", "-n", namespace, "-o", "json")

    operation = life.decommission(project)

    [entry] = [e for e in life.records.ledger.steps(operation.id) if e.step == "remove_kustomization"]
    assert entry.result == {"not_pruned": []}


def test_one_environment_goes_and_the_others_stay(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev", "prod")

    operation = life.decommission(project, environment_ids=["prod"])

    assert operation.status == "succeeded", operation.message
    assert namespaces(kubectl, project) == [f"project-{project.slug}-dev"]
    found = repository(api, life, project)
    assert not found.archived
    assert tokens(found) == [f"groundwork-dev-{project.id}"]
    assert life.states(project) == {
        "project": "synced",
        "repository": "synced",
        "dev": "synced",
        "prod": "removed",
    }


def test_a_second_run_finds_nothing_left_to_do(life: Lifecycle) -> None:
    project = life.project("dev")
    assert life.decommission(project).status == "succeeded"

    again = life.decommission(project)

    assert again.status == "succeeded", again.message
    assert set(life.states(project).values()) == {"removed"}


def test_deletion_is_delayed_unless_it_is_asked_for_at_once(life: Lifecycle, api: gitlab.Gitlab) -> None:
    project = life.project("dev")
    assert life.decommission(project, repository="delete").status == "succeeded"
    marked = repository(api, life, project)
    assert marked.marked_for_deletion_on
    assert f"deletion_scheduled-{marked.id}" in marked.path
    recorded = life.records.resources.repository(project.id)
    assert marked.path_with_namespace in recorded.state.message

    again = life.decommission(project, repository="delete", delete_permanently=True)

    assert again.status == "succeeded", again.message
    with pytest.raises(gitlab.GitlabGetError, match="404"):
        api.projects.get(marked.id)


@pytest.mark.parametrize("branch", ["main", "feature"])
def test_a_repository_with_foreign_commits_is_archived_rather_than_deleted(
    life: Lifecycle, api: gitlab.Gitlab, branch: str
) -> None:
    project = life.project("dev")
    if branch != "main":
        repository(api, life, project).branches.create({"branch": branch, "ref": "main"})
    commit(repository(api, life, project), branch)

    operation = life.decommission(project, repository="delete")

    assert operation.status == "succeeded", operation.message
    found = repository(api, life, project)
    assert found.archived
    assert getattr(found, "marked_for_deletion_on", None) is None
    assert "Somebody's work" in life.records.resources.repository(project.id).state.message

    life.decommission(project, repository="delete", delete_foreign_commits=True)
    assert repository(api, life, project).marked_for_deletion_on


def test_an_adopted_repository_only_loses_the_marks(life: Lifecycle, api: gitlab.Gitlab) -> None:
    request = life.driver.request("dev", repository={"group_path": "platform", "adopt": True})
    group = api.groups.get("platform")
    theirs = api.projects.create(
        {
            "name": request["name"],
            "path": request["slug"],
            "namespace_id": group.id,
            "initialize_with_readme": True,
            "topics": ["payments"],
        }
    )
    operation_id = life.driver.accept(request)
    with life.driver.settled(operation_id):
        _merge_when_asked(life, api, theirs.id, operation_id)
    project = life.records.projects.find(request["slug"])
    assert project.state.status == "synced", project.state.message

    operation = life.decommission(project, repository="delete", delete_foreign_commits=True)

    assert operation.status == "succeeded", operation.message
    found = api.projects.get(theirs.id)
    assert not found.archived
    assert getattr(found, "marked_for_deletion_on", None) is None
    assert found.topics == ["payments"]
    assert tokens(found) == []
    assert set(life.states(project).values()) == {"removed"}


def _merge_when_asked(life: Lifecycle, api: gitlab.Gitlab, gitlab_id: int, operation_id: Any) -> None:
    services = life.driver.services
    preflight.preflight(services, operation_id)
    project_steps.record_resources(services, operation_id)
    environment_steps.create_namespace(services, operation_id, "dev")
    project_steps.create_repository(services, operation_id)
    project_steps.push_template(services, operation_id)
    [asked] = api.projects.get(gitlab_id).mergerequests.list(state="opened", get_all=True)
    asked.merge()
    environment_steps.create_credentials(services, operation_id, "dev")
    environment_steps.create_git_repository(services, operation_id, "dev")
    environment_steps.create_kustomization(services, operation_id, "dev")
    life.driver.wait(operation_id, "dev")
    sync.mark_environment_synced(services, operation_id, "dev")
    project_steps.mark_project_synced(services, operation_id)


def test_a_vanished_namespace_and_a_deleted_repository_are_no_obstacle(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev", "prod")
    kubectl("delete", "namespace", f"project-{project.slug}-dev", "--wait=true")
    found = repository(api, life, project)
    found.delete()
    marked = api.projects.get(found.id)
    api.http_delete(f"/projects/{found.id}", permanently_remove=True, full_path=marked.path_with_namespace)

    operation = life.decommission(project, repository="delete")

    assert operation.status == "succeeded", operation.message
    assert namespaces(kubectl, project) == []
    assert set(life.states(project).values()) == {"removed"}
    assert "does not have it any more" in life.records.resources.repository(project.id).state.message


def test_a_stuck_finalizer_is_named_and_once_it_is_gone_the_run_goes_on(
    life: Lifecycle, kubectl: Kubectl
) -> None:
    project = life.project("dev")

    def set_finalizers(value: list[str] | None) -> None:
        # Not as kubectl's own field manager, whose changes Flux takes back.
        patch = json.dumps({"metadata": {"finalizers": value}})
        settings = ["patch", "configmap", "settings", "-n", f"project-{project.slug}-dev"]
        kubectl(*settings, "--type=merge", "--field-manager=someone", "-p", patch)

    set_finalizers(["example.com/hold"])

    operation = life.impatient(3).decommission(project)

    assert (operation.status, operation.reason) == ("failed", "RemovalStuck")
    assert "ConfigMap settings (finalizers: example.com/hold)" in str(operation.message)
    assert life.states(project)["project"] == "failed"
    assert life.states(project)["dev"] == "failed"

    set_finalizers(None)
    again = life.decommission(project)
    assert again.status == "succeeded", again.message
    assert namespaces(kubectl, project) == []


def test_what_others_put_into_a_namespace_is_not_deleted_silently(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev")
    namespace = f"project-{project.slug}-dev"
    kept = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
    kubectl("apply", "-f", "-", stdin=config_map(namespace, "by-hand"))
    kubectl("annotate", "configmap", "settings", "-n", namespace, *(f"{k}={v}" for k, v in kept.items()))

    operation = life.decommission(project)

    assert (operation.status, operation.reason) == ("failed", "RemovalRefused")
    assert "ConfigMap by-hand" in str(operation.message)
    assert "ConfigMap settings" in str(operation.message)
    assert namespaces(kubectl, project) == [namespace]
    assert life.states(project)["project"] == "synced"
    assert not repository(api, life, project).archived

    again = life.decommission(project, delete_foreign_objects=True)
    assert again.status == "succeeded", again.message
    assert namespaces(kubectl, project) == []


def test_objects_that_do_not_carry_the_marks_are_left(life: Lifecycle, kubectl: Kubectl) -> None:
    project = life.project("dev")
    namespace = f"project-{project.slug}-dev"
    kubectl("label", "namespace", namespace, "groundwork.dev/project-id-", "groundwork.dev/project-")

    operation = life.decommission(project)

    assert operation.status == "succeeded", operation.message
    assert kubectl("get", "namespace", namespace, "-o", "json")["status"]["phase"] == "Active"
    resources = life.records.resources.resources(life.environments(project)[0].id)
    told = {resource.kind: resource.state.reason for resource in resources}
    assert told["Namespace"] == "Left"


def test_a_backup_can_be_cloned_and_read(life: Lifecycle, backups: Path, tmp_path: Path) -> None:
    project = life.project("dev")

    operation = life.decommission(project, backup=True)

    assert operation.status == "succeeded", operation.message
    folder = backups / f"{project.slug}-{operation.id}"
    assert folder.stat().st_mode & 0o077 == 0
    subprocess.run(
        ["git", "clone", "--quiet", str(folder / "repository.bundle"), str(tmp_path / "clone")], check=True
    )
    assert (tmp_path / "clone" / "deploy" / "overlays" / "dev").is_dir()
    manifests = list(yaml.safe_load_all((folder / "manifests.yaml").read_text()))
    kinds = {manifest["kind"] for manifest in manifests}
    assert {"Namespace", "Kustomization", "GitRepository", "ResourceQuota"} <= kinds
    assert "Secret" not in kinds
    stored = json.loads((folder / "records.json").read_text())
    assert stored["project"]["id"] == str(project.id)
    assert [item["environment"]["slug"] for item in stored["environments"]] == ["dev"]


def test_what_cannot_be_done_is_refused_before_anything_is_touched(life: Lifecycle) -> None:
    project = life.project("dev")
    with pytest.raises(InvalidRequest, match="project_id: there is no project"):
        life.accept(project, project_id="no-such-project")
    with pytest.raises(InvalidRequest, match="has no environment prod"):
        life.accept(project, environment_ids=["prod"])
    with pytest.raises(InvalidRequest, match="delete_permanently: needs repository to be 'delete'"):
        life.accept(project, delete_permanently=True)
    life.accept(project)
    with pytest.raises(ProjectBusy):
        life.accept(project)
