"""What a change of the records leaves on the audit trail: who, in which run, before and after."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.model.entities import AuditEvent, Kind, Observation
from groundwork.model.statuses import OperationStatus, Status

from .world import SHA, World, seen


def trail(world: World, slug: str = "billing") -> list[AuditEvent]:
    project = world.records.projects.find(slug)
    assert project is not None
    return world.records.audit.timeline(project.id)


def actions(world: World) -> list[str]:
    return [event.action for event in trail(world)]


def last(world: World, action: str) -> dict[str, Any]:
    return [event.details for event in trail(world) if event.action == action][-1]


def test_a_project_from_its_request_until_it_is_synced(world: World) -> None:
    operation, environments = world.recorded()
    world.sync_repository(operation.project_id)
    for environment in environments:
        world.sync_environment(environment)
    world.records.operations.close(operation.id, OperationStatus.SUCCEEDED)

    assert actions(world) == [
        *("operation.opened", "repository.created", "repository.synced"),
        *("environment.synced", "environment.synced", "project.synced", "operation.closed"),
    ]
    assert [event.operation_id for event in trail(world)] == [operation.id] * 7
    assert last(world, "project.synced")["before"]["status"] == "pending"
    assert last(world, "project.synced")["after"]["revision"] == SHA
    assert last(world, "environment.synced")["environment"] == "prod"


def test_changes_are_in_the_name_of_who_triggered_the_run_that_holds_the_project(world: World) -> None:
    operation = world.open(triggered_by="ada")
    world.record(operation)
    world.sync_repository(operation.project_id)
    world.records.operations.close(operation.id, OperationStatus.FAILED, "Any", "thing")
    world.records.observations.repository_failed(operation.project_id, "Missing", "it is gone")

    [created] = [event for event in trail(world) if event.action == "repository.created"]
    [failed] = [event for event in trail(world) if event.action == "repository.failed"]
    assert (created.actor, created.operation_id) == ("ada", operation.id)
    assert (failed.actor, failed.operation_id) == ("groundwork", None)


def test_seen_again_as_it_was_leaves_nothing(world: World) -> None:
    operation, (dev, _) = world.recorded()
    world.sync_repository(operation.project_id)
    world.sync_environment(dev)
    before = actions(world)

    world.sync_repository(operation.project_id)
    world.sync_environment(dev)

    assert actions(world) == before


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        (Kind.NAMESPACE, "namespace.created", "namespace.replaced"),
        (Kind.CREDENTIALS, "credentials.created", "credentials.rotated"),
        (Kind.GIT_REPOSITORY, "git_repository.created", "git_repository.replaced"),
        (Kind.KUSTOMIZATION, "kustomization.created", "kustomization.replaced"),
    ],
)
def test_what_is_made_and_replaced_is_told_with_its_ids(
    world: World, kind: Kind, first: str, second: str
) -> None:
    _, (dev, _) = world.recorded()
    for external_id in ("one", "one", "two"):
        world.records.observations.resource_observed(
            dev, kind, seen(Status.SYNCED), external_id=external_id, created_by_us=True
        )

    told = [event.action for event in trail(world) if event.action.startswith(first.partition(".")[0])]
    assert told == [first, second]
    assert (last(world, first)["before"], last(world, first)["after"]) == (None, "one")
    assert (last(world, second)["before"], last(world, second)["after"]) == ("one", "two")
    assert last(world, second)["environment"] == "dev"


def test_what_was_never_made_is_not_told_as_removed(world: World) -> None:
    _, (dev, prod) = world.recorded()
    observations = world.records.observations
    observations.resource_observed(dev, Kind.NAMESPACE, seen(Status.SYNCED), created_by_us=True)
    for environment in (dev, prod):
        observations.resource_observed(environment, Kind.NAMESPACE, seen(Status.REMOVED))

    assert [
        event.details["environment"] for event in trail(world) if event.action == "namespace.removed"
    ] == ["dev"]


def test_an_environment_that_fails_says_why(world: World) -> None:
    _, (dev, _) = world.recorded()

    world.records.observations.environment_failed(dev, "HealthCheckFailed", "no pods")

    assert last(world, "environment.failed")["after"]["reason"] == "HealthCheckFailed"
    assert "no pods" in last(world, "environment.failed")["after"]["message"]
    assert last(world, "project.failed")["before"]["status"] == "pending"


def test_an_adopted_repository_is_told_as_such(world: World) -> None:
    operation, _ = world.recorded()
    world.records.observations.repository_observed(
        operation.project_id,
        Observation(Status.APPLIED, "Accepted"),
        gitlab_id=9,
        http_url="https://git.example.com/platform/billing.git",
    )

    assert last(world, "repository.adopted")["after"] == 9


def test_a_rehearsal_leaves_nothing(world: World) -> None:
    operation, _ = world.recorded()
    world.records.operations.close(operation.id, OperationStatus.FAILED, "Any", "thing")
    before = actions(world)

    world.records.rehearse(
        world.project(), world.run("run-2"), world.repository(), [world.environment(world.dev)]
    )

    assert actions(world) == before
