"""Who gets a project: slugs are taken once, an operation at a time, whoever comes at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest

from groundwork.errors import Conflict, InvalidRequest, LeaseLost, NotFound, ProjectBusy, Rejected
from groundwork.model.entities import Kind, Operation
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records import Records
from groundwork.records.specs import ProjectSpec, RunSpec

from .world import World, seen

FAILED = (OperationStatus.FAILED, "PreflightFailed", "The group does not exist.")
CONTENDERS = 6


def test_a_new_request_makes_project_operation_and_lease(world: World) -> None:
    operation = world.open(triggered_by="admin", request={"slug": "billing"})
    project = world.records.projects.get(operation.project_id)
    assert (project.slug, project.state.status) == ("billing", Status.PENDING)
    assert project.requested_by == operation.requested_by == world.user.id
    assert (operation.status, operation.triggered_by) == (OperationStatus.RUNNING, "admin")
    assert operation.request == {"slug": "billing"}
    world.records.lease.renew(operation.id, 60)


def test_the_project_takes_the_id_of_the_request(world: World) -> None:
    wanted = uuid4()
    spec = world.project(project_id=wanted)
    assert world.records.operations.open(spec, world.run()).project_id == wanted


def test_the_same_run_gets_its_operation_back(world: World) -> None:
    first = world.open()
    assert world.open() == first
    world.records.operations.close(first.id, *FAILED)
    assert world.open() == first
    assert world.state().status is Status.PENDING


def test_the_same_run_for_another_project_is_refused(world: World) -> None:
    world.open("billing", "run-1")
    with pytest.raises(InvalidRequest, match="slug: is 'billing'"):
        world.open("another", "run-1")
    other = world.open("another", "run-2")
    with pytest.raises(Conflict, match="run with another id"):
        world.records.operations.open_existing(other.project_id, world.run("run-1"))


def test_a_taken_slug_is_refused_with_the_project_that_has_it(world: World) -> None:
    operation, _ = world.recorded()
    world.sync_repository(operation.project_id)
    world.records.operations.close(operation.id, OperationStatus.SUCCEEDED)
    with pytest.raises(InvalidRequest, match=f"slug: .*project {operation.project_id}"):
        world.open(run_id="run-2")


def test_a_taken_slug_is_refused_to_a_request_with_another_id(world: World) -> None:
    first = world.open()
    with pytest.raises(InvalidRequest, match=f"slug: .*project {first.project_id}"):
        world.records.operations.open(world.project(project_id=uuid4()), world.run("run-2"))


def test_a_given_project_keeps_slug_and_organization(world: World) -> None:
    first = world.open()
    others = world.records.directory.ensure_organization("others", "Others")
    spec = world.project("renamed", project_id=first.project_id, organization_id=others.id)
    with pytest.raises(InvalidRequest) as refused:
        world.records.operations.open(spec, world.run("run-2"))
    assert [problem.field for problem in refused.value.problems] == ["slug", "organization_id"]


def test_a_given_project_takes_the_new_answers(world: World) -> None:
    first, _ = world.recorded()
    world.sync_repository(first.project_id)
    world.records.operations.close(first.id, *FAILED)
    spec = world.project(project_id=first.project_id, template_answers={"port": 8080})
    again = world.records.operations.open(spec, world.run("run-2"))
    project = world.records.projects.get(again.project_id)
    assert (project.id, project.template_answers) == (first.project_id, {"port": 8080})
    assert world.records.resources.repository(project.id).state.status is Status.SYNCED


def test_an_abandoned_project_is_taken_over_with_the_new_request(world: World) -> None:
    first, _ = world.recorded()
    world.records.operations.close(first.id, *FAILED)
    successor = world.records.directory.ensure_user("successor", "Successor")
    spec = world.project(name="Billing 2", template_version="2.0.0")
    second = world.records.operations.open(spec, world.run("run-2", requested_by=successor.id))
    project = world.records.projects.get(second.project_id)
    assert (project.id, project.name, project.template_version) == (first.project_id, "Billing 2", "2.0.0")
    assert project.requested_by == successor.id
    assert world.records.resources.environments_of(project.id) == []
    assert project.state.status is Status.PENDING


def _repository_made(world: World, operation: Operation) -> None:
    world.sync_repository(operation.project_id)


def _namespace_failed(world: World, operation: Operation) -> None:
    environment = world.records.resources.environments_of(operation.project_id)[0]
    world.records.observations.resource_observed(environment.id, Kind.NAMESPACE, seen(Status.FAILED))


@pytest.mark.parametrize("touch", [_repository_made, _namespace_failed])
def test_a_failed_project_with_something_made_is_not_taken_over(
    world: World, touch: Callable[[World, Operation], None]
) -> None:
    first, _ = world.recorded()
    touch(world, first)
    world.records.operations.close(first.id, *FAILED)
    with pytest.raises(InvalidRequest, match="slug"):
        world.open(run_id="run-2")


def test_an_abandoned_project_is_not_for_another_organization(world: World) -> None:
    first = world.open()
    world.records.operations.close(first.id, *FAILED)
    others = world.records.directory.ensure_organization("others", "Others")
    with pytest.raises(InvalidRequest, match="slug"):
        world.records.operations.open(world.project(organization_id=others.id), world.run("run-2"))


def test_a_held_project_is_busy_and_says_who_holds_it_since_when(world: World) -> None:
    first = world.open(run_id="manual__1")
    spec = world.project(project_id=first.project_id)
    with pytest.raises(ProjectBusy, match=rf"{first.id} \(DAG initialize_project, run manual__1\) since 2"):
        world.records.operations.open(spec, world.run("run-2"))
    with pytest.raises(ProjectBusy, match="manual__1"):
        world.records.operations.open_existing(first.project_id, world.run("run-3"))
    assert [operation.id for operation in world.records.operations.list(first.project_id)] == [first.id]


def test_a_released_project_is_free(world: World) -> None:
    first = world.open()
    world.records.lease.release(first.id)
    second = world.records.operations.open_existing(first.project_id, world.run("run-2"))
    assert second.id != first.id


def test_an_expired_lease_is_taken_over_and_its_holder_shut_out(world: World) -> None:
    dead = world.open(lease_seconds=0)
    world.record(dead)
    successor = world.records.operations.open_existing(dead.project_id, world.run("run-2"))
    ended = world.records.operations.get(dead.id)
    assert (ended.status, ended.reason) == (OperationStatus.FAILED, "LeaseLost")
    for write in (
        lambda: world.records.lease.renew(dead.id, 60),
        lambda: world.records.ledger.begin(dead.id, "create_repository", "", {}),
        lambda: world.record(dead),
    ):
        with pytest.raises(LeaseLost, match=str(successor.id)):
            write()
    world.records.operations.close(dead.id, OperationStatus.SUCCEEDED)
    assert world.records.operations.get(dead.id) == ended
    world.records.lease.renew(successor.id, 60)


def test_an_expired_lease_nobody_took_is_renewed(world: World) -> None:
    slow = world.open(lease_seconds=0)
    world.records.lease.renew(slow.id, 60)
    with pytest.raises(ProjectBusy):
        world.records.operations.open_existing(slow.project_id, world.run("run-2"))


def test_renewing_never_shortens(world: World) -> None:
    operation = world.open(lease_seconds=600)
    world.records.lease.renew(operation.id, 0)
    with pytest.raises(ProjectBusy):
        world.records.operations.open_existing(operation.project_id, world.run("run-2"))


def test_a_closed_operation_runs_again_when_one_of_its_tasks_does(world: World) -> None:
    operation = world.open()
    world.records.operations.close(operation.id, *FAILED)
    assert world.state().status is Status.FAILED
    world.records.lease.renew(operation.id, 60)
    assert world.records.operations.get(operation.id).status is OperationStatus.RUNNING
    assert world.state().status is Status.PENDING


def test_closing_frees_the_project_and_can_be_repeated(world: World) -> None:
    operation = world.open()
    world.records.operations.close(operation.id, *FAILED)
    closed = world.records.operations.close(operation.id, *FAILED)
    assert (closed.status, closed.reason, closed.message) == FAILED
    assert world.open(run_id="run-2").id != operation.id


def test_failing_without_saying_why_is_refused(world: World) -> None:
    operation = world.open()
    with pytest.raises(Rejected, match="operations_failed_reason"):
        world.records.operations.close(operation.id, OperationStatus.FAILED)
    assert world.records.operations.get(operation.id) == operation


def test_unknown_operations_and_projects_are_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="operation"):
        world.records.operations.close(uuid4(), OperationStatus.SUCCEEDED)
    with pytest.raises(NotFound, match="operation"):
        world.records.lease.renew(uuid4(), 1)
    with pytest.raises(NotFound, match="project"):
        world.records.operations.open_existing(uuid4(), world.run())
    world.records.lease.release(uuid4())


def _race(world: World, requests: list[tuple[ProjectSpec, RunSpec]]) -> list[Operation | Exception]:
    """All requests at once, each on a connection of its own; what each of them got."""
    start = Barrier(len(requests))

    def contend(request: tuple[ProjectSpec, RunSpec]) -> Operation | Exception:
        with Records(world.dsn) as records:
            records.directory.list_environments()
            start.wait()
            try:
                return records.operations.open(*request)
            except (InvalidRequest, ProjectBusy) as error:
                return error

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(contend, requests))


def test_of_requests_for_one_slug_at_once_exactly_one_wins(world: World) -> None:
    requests = [(world.project(), world.run(f"run-{number}")) for number in range(CONTENDERS)]
    outcomes = _race(world, requests)
    won = [outcome for outcome in outcomes if isinstance(outcome, Operation)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, InvalidRequest)]
    assert (len(won), len(lost)) == (1, CONTENDERS - 1)
    assert all(str(won[0].project_id) in str(error) for error in lost)
    assert len(world.records.operations.list()) == 1


def test_of_operations_on_one_project_at_once_exactly_one_wins(world: World) -> None:
    first = world.open()
    world.records.operations.close(first.id, OperationStatus.SUCCEEDED)
    spec = world.project(project_id=first.project_id)
    outcomes = _race(world, [(spec, world.run(f"again-{number}")) for number in range(CONTENDERS)])
    won = [outcome for outcome in outcomes if isinstance(outcome, Operation)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, ProjectBusy)]
    assert (len(won), len(lost)) == (1, CONTENDERS - 1)
    assert all(str(won[0].id) in str(error) for error in lost)


def test_of_takeovers_at_once_exactly_one_wins(world: World) -> None:
    first, _ = world.recorded()
    world.records.operations.close(first.id, *FAILED)
    outcomes = _race(world, [(world.project(), world.run(f"again-{number}")) for number in range(CONTENDERS)])
    won = [outcome for outcome in outcomes if isinstance(outcome, Operation)]
    assert [operation.project_id for operation in won] == [first.project_id]


@pytest.mark.parametrize("failed_before", [False, True])
def test_one_run_that_opens_twice_at_once_has_one_operation(world: World, failed_before: bool) -> None:
    if failed_before:
        world.records.operations.close(world.open(run_id="run-0").id, *FAILED)
    outcomes = _race(world, [(world.project(), world.run())] * CONTENDERS)
    assert {getattr(outcome, "id", outcome) for outcome in outcomes} == {
        world.records.operations.list()[0].id
    }
