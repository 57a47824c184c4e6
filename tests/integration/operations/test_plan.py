"""A plan says what the run then does, and makes nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import gitlab
import pytest

from groundwork.errors import InvalidRequest
from groundwork.model.changes import Action, System
from groundwork.operations.plan import Plan, plan
from groundwork.operations.resolution import Run
from tests.driver import Driver

KINDS = {
    *("Namespace", "ServiceAccount", "RoleBinding", "ResourceQuota", "LimitRange", "NetworkPolicy"),
    *("Secret", "GitRepository", "Kustomization"),
}


def planned(operations: Driver, request: dict[str, Any]) -> Plan:
    return plan(operations.services, request, Run("initialize_project", f"plan-{uuid4()}", None))


def by_kind(found: Plan) -> dict[tuple[str, str], Any]:
    return {(change.system, change.kind): change for change in found.changes}


def test_a_new_project_is_all_to_be_created_and_nothing_is_made(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = operations.request("dev", "prod")

    found = planned(operations, request)

    assert found.problems == ()
    assert {change.action for change in found.changes} == {Action.CREATE}
    for environment in ("dev", "prod"):
        assert {change.kind for change in found.changes if change.scope == environment} == KINDS | {
            "Environment"
        }
    assert {change.kind for change in found.changes if change.system is System.GITLAB} == {
        "Repository",
        "Content",
    }
    assert operations.services.records.projects.find(request["slug"]) is None
    assert api.projects.list(search=request["slug"], get_all=True) == []
    assert kubectl("get", "namespaces", "-l", f"groundwork.dev/project={request['slug']}") == ""


def test_after_the_run_there_is_nothing_to_do(operations: Driver) -> None:
    request = operations.request()
    operation = operations.run(request)
    assert operation.status == "succeeded", operation.message

    found = planned(operations, request | {"project_id": str(operation.project_id)})

    assert found.problems == ()
    assert found.pending == ()


def test_each_difference_is_named_with_its_field(
    operations: Driver, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = operations.request()
    operation = operations.run(request)
    slug, namespace = request["slug"], f"project-{request['slug']}-dev"
    api.projects.update(f"platform/{slug}", {"description": "changed by hand"})
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged", "--overwrite")
    kubectl("delete", "networkpolicy", "groundwork", "-n", namespace)
    kubectl(
        "patch", "gitrepository", slug, "-n", namespace, "--type=merge", "-p", '{"spec":{"suspend":true}}'
    )
    again = request | {"project_id": str(operation.project_id), "environment_ids": ["dev", "prod"]}

    found = planned(operations, again)

    changes = by_kind(found)
    assert [str(item) for item in changes[System.GITLAB, "Repository"].differences] == [
        "description: 'changed by hand' -> ''"
    ]
    dev = {change.kind: change for change in found.changes if change.scope == "dev"}
    assert [str(item) for item in dev["Namespace"].differences] == [
        "metadata.labels.pod-security.kubernetes.io/enforce: 'privileged' -> 'baseline'"
    ]
    assert dev["NetworkPolicy"].action is Action.CREATE
    assert [str(item) for item in dev["GitRepository"].differences] == ["spec.suspend: True -> False"]
    assert dev["ServiceAccount"].action is Action.NONE
    prod = {change.action for change in found.changes if change.scope == "prod"}
    assert prod == {Action.CREATE}


def test_what_belongs_to_somebody_else_is_a_conflict(
    operations: Driver, group: Any, api: gitlab.Gitlab, kubectl: Callable[..., Any]
) -> None:
    request = operations.request()
    api.projects.create({"name": request["slug"], "path": request["slug"], "namespace_id": group.id})
    kubectl("create", "namespace", f"project-{request['slug']}-dev")

    found = planned(operations, request)

    told = "\n".join(map(str, found.problems))
    assert "was not made for this project" in told
    conflicts = {change.kind for change in found.changes if change.action is Action.CONFLICT}
    assert conflicts == {"Repository", "Namespace"}


def test_a_template_the_cluster_would_refuse_is_told_before_anything_is_made(
    operations: Driver,
) -> None:
    request = operations.request(template_id="refused-by-the-api")

    found = planned(operations, request)

    assert "template_id.dev" in {problem.field for problem in found.problems}
    assert "spec.replicas" in str(found.problems[0])


def test_a_request_that_breaks_a_rule_has_no_plan(operations: Driver) -> None:
    with pytest.raises(InvalidRequest, match="no environment 'nowhere'"):
        planned(operations, operations.request("nowhere"))
