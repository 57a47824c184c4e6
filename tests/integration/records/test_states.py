"""A whole stands as its parts do: every change of a part shows on environment and project at once."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundwork.errors import Conflict, NotFound, Rejected
from groundwork.model.entities import Kind, Observation
from groundwork.model.statuses import OperationStatus, Status, combined
from groundwork.records import Records

from .world import SHA, World, seen


def test_all_synced_makes_a_synced_project_with_revision_and_the_oldest_time(world: World) -> None:
    operation, environments = world.recorded()
    world.sync_repository(operation.project_id)
    for environment in environments:
        world.sync_environment(environment)
    long_ago = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    oldest = Observation(Status.SYNCED, "Observed", observed_at=long_ago)
    world.records.observations.resource_observed(environments[0], Kind.NAMESPACE, oldest)
    state = world.state()
    assert (state.status, state.revision, state.observed_at) == (Status.SYNCED, SHA, long_ago)
    assert (state.reason, state.message) == ("Observed", "")
    assert world.records.resources.project_environment(environments[0]).state.observed_at == long_ago


def test_one_part_missing_keeps_the_project_from_synced(world: World) -> None:
    operation, environments = world.recorded()
    world.sync_repository(operation.project_id)
    world.sync_environment(environments[0])
    assert world.state().status is Status.PENDING
    dev, prod = world.records.resources.environments_of(operation.project_id)
    assert (dev.state.status, prod.state.status) == (Status.SYNCED, Status.PENDING)


def test_a_failure_can_be_read_at_the_top_and_a_success_clears_it(world: World) -> None:
    operation, (dev, prod) = world.recorded()
    world.sync_repository(operation.project_id)
    world.sync_environment(dev)
    world.sync_environment(prod)
    failure = seen(Status.FAILED, "Deployment/web: timeout", "HealthCheckFailed")
    world.records.observations.resource_observed(prod, Kind.KUSTOMIZATION, failure)
    state = world.state()
    assert (state.status, state.reason) == (Status.FAILED, "HealthCheckFailed")
    assert state.message == "prod: Kustomization: Deployment/web: timeout"
    assert world.records.resources.project_environment(dev).state.status is Status.SYNCED
    world.records.observations.resource_observed(prod, Kind.KUSTOMIZATION, seen(Status.SYNCED))
    assert world.state().status is Status.SYNCED


def test_every_failed_environment_is_named(world: World) -> None:
    _, (dev, prod) = world.recorded()
    world.records.observations.environment_failed(dev, "BuildFailed", "no kustomization.yaml")
    world.records.observations.environment_failed(prod, "QuotaExceeded", "no room")
    state = world.state()
    assert (state.status, state.reason) == (Status.FAILED, "BuildFailed")
    assert state.message == "dev: Namespace: no kustomization.yaml; prod: Namespace: no room"


def test_a_failed_step_shows_on_the_first_resource_that_is_not_synced(world: World) -> None:
    _, (dev, _) = world.recorded()
    world.records.observations.resource_observed(dev, Kind.NAMESPACE, seen(Status.SYNCED))
    world.records.observations.resource_observed(dev, Kind.GUARDRAILS, seen(Status.APPLIED))
    world.records.observations.environment_failed(dev, "NotAllowed", "roles is forbidden")
    failed = [
        resource.kind
        for resource in world.records.resources.resources(dev)
        if resource.state.status is Status.FAILED
    ]
    assert failed == [Kind.GUARDRAILS]


def test_a_failed_step_after_all_was_synced_shows_on_the_kustomization(world: World) -> None:
    _, (dev, _) = world.recorded()
    world.sync_environment(dev)
    world.records.observations.environment_failed(dev, "SyncFailed", "not any more")
    assert world.records.resources.resources(dev)[-1].state.message == "not any more"


def test_a_failed_repository_keeps_what_is_known_of_it(world: World) -> None:
    operation, _ = world.recorded()
    world.sync_repository(operation.project_id, gitlab_id=42)
    world.records.observations.repository_failed(
        operation.project_id, "Rejected", "pre-receive hook declined"
    )
    repository = world.records.resources.repository(operation.project_id)
    assert (repository.gitlab_id, repository.created_by_us, repository.state.revision) == (42, True, SHA)
    assert world.state().message == "repository: pre-receive hook declined"


def test_a_resource_once_made_by_us_stays_so(world: World) -> None:
    _, (dev, _) = world.recorded()
    observed = world.records.observations.resource_observed
    observed(dev, Kind.NAMESPACE, seen(Status.APPLIED), external_id="uid-1", created_by_us=True)
    observed(dev, Kind.NAMESPACE, seen(Status.SYNCED))
    namespace = world.records.resources.resources(dev)[0]
    assert (namespace.external_id, namespace.created_by_us) == ("uid-1", True)


def test_what_a_failed_operation_left_unfinished_has_failed(world: World) -> None:
    operation, _ = world.recorded()
    world.records.operations.close(operation.id, OperationStatus.FAILED, "PreflightFailed", "No such group.")
    state = world.state()
    assert (state.status, state.reason, state.message) == (Status.FAILED, "PreflightFailed", "No such group.")
    assert state.observed_at == world.records.operations.get(operation.id).finished_at


def test_an_operation_that_failed_before_anything_was_recorded_fails_its_project(world: World) -> None:
    operation = world.open()
    world.records.operations.close(operation.id, OperationStatus.FAILED, "PreflightFailed", "No such group.")
    assert (world.state().status, world.state().message) == (Status.FAILED, "No such group.")


def test_a_failed_operation_does_not_hide_what_was_seen(world: World) -> None:
    operation, environments = world.recorded()
    world.sync_repository(operation.project_id)
    for environment in environments:
        world.sync_environment(environment)
    world.records.operations.close(operation.id, OperationStatus.FAILED, "InternalError", "mark failed")
    assert world.state().status is Status.SYNCED


@pytest.mark.parametrize(
    "message", ["cut\0off", "half \ud800 pair", "x" * 100_000, "'; DROP TABLE projects; --"]
)
def test_a_failure_is_recorded_however_garbled_its_message(world: World, message: str) -> None:
    _, (dev, _) = world.recorded()
    world.records.observations.environment_failed(dev, "BuildFailed", message)
    stored = world.records.resources.resources(dev)[0].state.message
    assert stored[:3] == message[:3]
    assert len(stored) <= 4000
    assert world.state().status is Status.FAILED


def test_synced_without_a_revision_is_refused(world: World) -> None:
    _, (dev, _) = world.recorded()
    with pytest.raises(Rejected, match="gitops_resources_synced_revision"):
        world.records.observations.resource_observed(
            dev, Kind.KUSTOMIZATION, Observation(Status.SYNCED, "Observed")
        )
    assert world.state().status is Status.PENDING


def test_a_gitlab_project_of_another_project_is_a_conflict(world: World) -> None:
    first, _ = world.recorded("first", "run-1")
    second, _ = world.recorded("second", "run-2")
    world.sync_repository(first.project_id, gitlab_id=7)
    with pytest.raises(Conflict, match="another project"):
        world.sync_repository(second.project_id, gitlab_id=7)


def test_what_was_not_recorded_cannot_be_observed(world: World) -> None:
    operation = world.open()
    with pytest.raises(NotFound, match="repository"):
        world.sync_repository(operation.project_id)
    with pytest.raises(NotFound, match="environment"):
        world.records.observations.environment_failed(uuid4(), "Any", "thing")
    with pytest.raises(NotFound, match="environment"):
        world.records.observations.resource_observed(uuid4(), Kind.NAMESPACE, seen(Status.APPLIED))


def test_environments_that_finish_at_once_end_in_a_synced_project(world: World) -> None:
    operation, environments = world.recorded()
    world.sync_repository(operation.project_id)
    for environment in environments:
        world.sync_environment(environment)
        world.records.observations.resource_observed(environment, Kind.KUSTOMIZATION, seen(Status.APPLIED))

    def finish(environment: UUID) -> None:
        with Records(world.dsn) as records:
            records.observations.resource_observed(environment, Kind.KUSTOMIZATION, seen(Status.SYNCED))

    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with (
        psycopg.connect(world.dsn) as holder,
        psycopg.connect(world.dsn, autocommit=True) as other,
        ThreadPoolExecutor(len(environments)) as pool,
    ):
        holder.execute("SELECT FROM projects FOR UPDATE")
        finishing = [pool.submit(finish, environment) for environment in environments]
        while len(other.execute(waiting).fetchall()) < len(environments):
            assert not any(each.done() for each in finishing)
        holder.rollback()
        for each in finishing:
            each.result()
    assert world.state().status is Status.SYNCED


_CHANGES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(Kind), st.sampled_from(Status)), min_size=1, max_size=12
)


@settings(
    max_examples=25,
    deadline=timedelta(seconds=20),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=_CHANGES)
def test_the_project_is_always_as_bad_as_its_worst_part(
    world: World, changes: list[tuple[int, Kind, Status]]
) -> None:
    slug = f"p{uuid4().hex}"
    operation, environments = world.recorded(slug, run_id=slug)
    world.sync_repository(operation.project_id, gitlab_id=uuid4().int % 2**62)
    repository = Status.SYNCED
    parts = [dict.fromkeys(Kind, Status.PENDING) for _ in environments]
    for part, kind, status in changes:
        if part == 2:
            world.records.observations.repository_observed(operation.project_id, seen(status))
            repository = status
        else:
            world.records.observations.resource_observed(environments[part], kind, seen(status))
            parts[part][kind] = status
        wholes = [_whole(resources.values()) for resources in parts]
        if set(wholes) == {Status.REMOVED} != {repository}:
            wholes = [Status.REMOVING]
        assert world.state(slug).status is combined([repository, *wholes])


def _whole(statuses: Iterable[Status]) -> Status:
    """What is partly gone is on its way out."""
    present = set(statuses)
    if Status.REMOVED in present and len(present) > 1:
        present = present - {Status.REMOVED} | {Status.REMOVING}
    return combined(present)
