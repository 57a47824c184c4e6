"""What was removed comes back as it was, until the repository is gone for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gitlab
import pytest

from groundwork.errors import NotFound
from groundwork.operations import decommission, decommission_steps, retirement

from .lifecycle import Lifecycle

Kubectl = Callable[..., Any]


@pytest.mark.parametrize("fate", ["archive", "delete", "keep"])
def test_a_project_comes_back_with_what_was_committed_to_it(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl, fate: str
) -> None:
    project = life.project("dev")
    recorded = life.records.resources.repository(project.id)
    commit = api.projects.get(recorded.gitlab_id).files.create(
        {"file_path": "mine.txt", "branch": "main", "content": "mine", "commit_message": "Somebody's work"}
    )
    removed = life.decommission(project, repository=fate, delete_foreign_commits=fate == "delete")
    assert removed.status == "succeeded", removed.message
    assert bool(getattr(api.projects.get(recorded.gitlab_id), "marked_for_deletion_on", None)) == (
        fate == "delete"
    )

    operation = life.restore(project)

    assert operation.status == "succeeded", operation.message
    assert operation.project_id == project.id
    assert set(life.states(project).values()) == {"synced"}
    found = api.projects.get(recorded.gitlab_id)
    assert (found.path_with_namespace, found.archived) == (recorded.path, False)
    namespace = f"project-{project.slug}-dev"
    source = kubectl("get", "gitrepository", project.slug, "-n", namespace, "-o", "json")
    head = found.branches.get("main").commit["id"]
    assert commit.file_path == "mine.txt"
    assert source["status"]["artifact"]["revision"].endswith(head)


def test_one_environment_comes_back(life: Lifecycle, kubectl: Kubectl) -> None:
    project = life.project("dev", "prod")
    life.decommission(project, environment_ids=["prod"])

    operation = life.restore(project, environment_ids=["prod"])

    assert operation.status == "succeeded", operation.message
    assert set(life.states(project).values()) == {"synced"}
    assert kubectl("get", "configmap", "settings", "-n", f"project-{project.slug}-prod", "-o", "json")


def test_a_removal_that_failed_half_way_can_be_undone(life: Lifecycle) -> None:
    project = life.project("dev")
    operation_id = life.accept(project)
    services = life.driver.services
    decommission.check(services, operation_id)
    decommission.record_removal(services, operation_id)
    decommission_steps.suspend_flux(services, operation_id, "dev")
    retirement.freeze_repository(services, operation_id)
    life.driver.patiently(decommission_steps.remove_kustomization, operation_id, "dev")
    assert life.close(operation_id).status == "failed"
    assert life.states(project)["project"] == "failed"

    operation = life.restore(project)

    assert operation.status == "succeeded", operation.message
    assert set(life.states(project).values()) == {"synced"}


def test_what_is_deleted_for_good_cannot_come_back_but_begin_anew(life: Lifecycle) -> None:
    project = life.project("dev")
    before = life.records.resources.repository(project.id).gitlab_id
    removed = life.decommission(project, repository="delete", delete_permanently=True)
    assert removed.status == "succeeded", removed.message

    with pytest.raises(NotFound, match="gone for good"):
        life.restore(project)

    request = life.driver.request("dev", slug=project.slug, name=project.name, project_id=str(project.id))
    again = life.driver.run(request)
    assert again.status == "succeeded", again.message
    assert life.records.resources.repository(project.id).gitlab_id != before
