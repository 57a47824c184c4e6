"""Everything is recorded before it is made, all or none, and again without harm."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from groundwork.errors import Conflict, InvalidRequest, NotFound
from groundwork.model.entities import Kind
from groundwork.model.statuses import Status

from .world import World, seen


def test_writes_every_row_pending_in_the_order_of_the_request(world: World) -> None:
    operation = world.open()
    wanted = [world.environment(world.prod), world.environment(world.dev)]
    recorded = world.records.resources.record(operation.id, operation.project_id, world.repository(), wanted)
    environments = world.records.resources.environments_of(operation.project_id)
    assert [environment.id for environment in environments] == recorded
    assert [environment.environment for environment in environments] == [world.prod, world.dev]
    assert [environment.namespace for environment in environments] == [
        "project-billing-prod",
        "project-billing-dev",
    ]
    for project_environment in recorded:
        resources = world.records.resources.resources(project_environment)
        assert [resource.kind for resource in resources] == list(Kind)
        assert {resource.state.status for resource in resources} == {Status.PENDING}
        assert {resource.cluster for resource in resources} == {"cluster_a"}
    repository = world.records.resources.repository(operation.project_id)
    assert (repository.path, repository.gitlab_id) == ("platform/billing", None)
    assert world.state().status is Status.PENDING


def test_again_keeps_ids_and_states_and_retries_what_failed(world: World) -> None:
    operation, (dev, prod) = world.recorded()
    world.sync_repository(operation.project_id, gitlab_id=5)
    world.sync_environment(dev)
    world.records.observations.environment_failed(prod, "BuildFailed", "no")
    assert world.state().status is Status.FAILED
    before = world.records.resources.resources(dev)
    assert world.record(operation) == [dev, prod]
    assert world.records.resources.resources(dev) == before
    assert world.records.resources.repository(operation.project_id).gitlab_id == 5
    assert {r.state.status for r in world.records.resources.resources(prod)} == {Status.PENDING}
    assert (world.state().status, world.state().message) == (Status.PENDING, "")


def test_what_was_removed_starts_anew(world: World) -> None:
    operation, (dev, _) = world.recorded()
    world.sync_repository(operation.project_id, gitlab_id=5)
    world.sync_environment(dev)
    world.records.observations.repository_observed(operation.project_id, seen(Status.REMOVED))
    world.records.observations.resource_observed(
        dev, Kind.NAMESPACE, seen(Status.REMOVED), external_id="uid", created_by_us=True
    )
    world.record(operation)
    repository = world.records.resources.repository(operation.project_id)
    assert (repository.state.status, repository.gitlab_id) == (Status.PENDING, None)
    assert (repository.created_by_us, repository.state.revision) == (False, None)
    namespace = world.records.resources.resources(dev)[0]
    assert (namespace.state.status, namespace.external_id) == (Status.PENDING, None)
    assert (namespace.created_by_us, namespace.state.observed_at) == (False, None)


def test_an_environment_no_longer_asked_for_is_dropped_unless_begun(world: World) -> None:
    operation, (dev, prod) = world.recorded()
    resources = world.records.resources
    only_dev = [world.environment(world.dev)]
    world.records.observations.resource_observed(prod, Kind.NAMESPACE, seen(Status.APPLIED))
    resources.record(operation.id, operation.project_id, world.repository(), only_dev)
    assert [environment.id for environment in resources.environments_of(operation.project_id)] == [dev, prod]
    only_prod = [world.environment(world.prod)]
    resources.record(operation.id, operation.project_id, world.repository(), only_prod)
    assert [environment.id for environment in resources.environments_of(operation.project_id)] == [prod]


def test_a_namespace_of_another_project_is_refused_and_nothing_written(world: World) -> None:
    world.recorded("a-b", "run-1")
    operation = world.open("a", "run-2")
    clash = replace(world.environment(world.dev, "a"), namespace="project-a-b-dev")
    with pytest.raises(InvalidRequest, match=r"environment_ids: .*project-a-b-dev") as refused:
        world.records.resources.record(
            operation.id,
            operation.project_id,
            world.repository("a"),
            [world.environment(world.prod, "a"), clash],
        )
    assert [problem.field for problem in refused.value.problems] == ["environment_ids"]
    assert world.records.resources.environments_of(operation.project_id) == []
    with pytest.raises(NotFound):
        world.records.resources.repository(operation.project_id)


def test_the_same_namespace_in_another_cluster_is_another_one(world: World) -> None:
    world.recorded("a-b", "run-1")
    far = world.records.directory.ensure_environment(world.organization.id, "b-dev", "Far", "cluster_b")
    operation = world.open("a", "run-2")
    recorded = world.records.resources.record(
        operation.id, operation.project_id, world.repository("a"), [world.environment(far, "a")]
    )
    assert world.records.resources.project_environment(recorded[0]).namespace == "project-a-b-dev"


def test_a_repository_path_of_another_project_is_refused_in_any_case(world: World) -> None:
    world.recorded("first", "run-1")
    operation = world.open("second", "run-2")
    with pytest.raises(InvalidRequest, match=r"repository\.group_path"):
        world.records.resources.record(
            operation.id,
            operation.project_id,
            world.repository(path="Platform/FIRST"),
            [world.environment(world.dev, "second")],
        )


def test_an_environment_of_another_organization_is_refused(world: World) -> None:
    others = world.records.directory.ensure_organization("others", "Others")
    alien = world.records.directory.ensure_environment(others.id, "alien", "Alien", "cluster_a")
    operation = world.open()
    with pytest.raises(InvalidRequest, match="environment_ids: must be environments of the project's"):
        world.records.resources.record(
            operation.id, operation.project_id, world.repository(), [world.environment(alien)]
        )


def test_path_and_branch_may_change_only_until_the_repository_is_made(world: World) -> None:
    operation, _ = world.recorded()
    moved = world.repository(path="elsewhere/billing", default_branch="trunk")
    environments = [world.environment(world.dev), world.environment(world.prod)]
    world.records.resources.record(operation.id, operation.project_id, moved, environments)
    assert world.records.resources.repository(operation.project_id).path == "elsewhere/billing"
    world.sync_repository(operation.project_id)
    with pytest.raises(InvalidRequest) as refused:
        world.record(operation)
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["repository.group_path", "repository.default_branch"]


def test_a_namespace_once_recorded_is_not_renamed(world: World) -> None:
    operation, _ = world.recorded()
    renamed = replace(world.environment(world.dev), namespace="tenant-billing-dev")
    with pytest.raises(Conflict, match="project-billing-dev"):
        world.records.resources.record(operation.id, operation.project_id, world.repository(), [renamed])


def test_no_environment_at_all_is_refused(world: World) -> None:
    operation = world.open()
    with pytest.raises(InvalidRequest, match="environment_ids"):
        world.records.resources.record(operation.id, operation.project_id, world.repository(), [])


def test_unknown_ids_are_not_found(world: World) -> None:
    for read in (
        world.records.projects.get,
        world.records.resources.repository,
        world.records.resources.project_environment,
        world.records.operations.get,
    ):
        with pytest.raises(NotFound):
            read(uuid4())
    assert world.records.resources.environments_of(uuid4()) == []
    assert world.records.resources.resources(uuid4()) == []
