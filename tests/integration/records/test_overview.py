"""A project read as a whole, what is known of a run, and the figures over all projects."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

from groundwork.model.changes import System
from groundwork.model.entities import Kind, OperationKind
from groundwork.model.findings import DecidedFinding, Finding, FindingClass, FindingState, Policy
from groundwork.model.statuses import OperationStatus, Status

from .world import World, seen


def test_a_project_comes_with_everything_below_it(world: World) -> None:
    operation, [dev, _] = world.recorded()
    world.records.ledger.begin(operation.id, "create_namespace", "dev", {})
    whole = world.records.overview.project("billing")
    assert whole is not None
    assert (whole.organization.slug, whole.requested_by.username) == ("platform", "demo")
    assert [item.environment.slug for item, _ in whole.environments] == ["dev", "prod"]
    assert whole.environments[0][0].id == dev
    assert [resource.kind for resource in whole.environments[0][1]] == list(Kind)
    [(read, steps)] = whole.operations
    assert (read.id, [step.step for step in steps]) == (operation.id, ["create_namespace"])
    assert whole.holder is not None
    assert whole.holder.operation_id == operation.id
    assert world.records.overview.project(str(operation.project_id)) == whole
    assert world.records.overview.project("nothing") is None


def test_nobody_holds_a_project_whose_operation_has_ended(world: World) -> None:
    operation, _ = world.recorded()
    world.records.operations.close(operation.id, OperationStatus.FAILED, "CutOff", "it ended")
    whole = world.records.overview.project("billing")
    assert whole is not None
    assert whole.holder is None


def test_a_run_is_found_by_its_name_and_a_refusal_by_its_own(world: World) -> None:
    operation, _ = world.recorded(run_id="run-7")
    overview = world.records.overview
    found = overview.operation_of_run("initialize_project", "run-7")
    assert found is not None
    assert found.id == operation.id
    assert overview.operation_of_run("another_dag", "run-7") is None
    assert overview.refusal_of_run("initialize_project", "run-8") is None
    details = {"dag_id": "initialize_project", "run_id": "run-8", "reason": "InvalidRequest", "message": "no"}
    world.records.audit.append("admin", "request.refused", details=details)
    refusal = overview.refusal_of_run("initialize_project", "run-8")
    assert refusal is not None
    assert (refusal.reason, refusal.message) == ("InvalidRequest", "no")
    read = overview.operation(operation.id)
    assert read is not None
    assert read[0].id == operation.id
    assert overview.operation(uuid4()) is None


def test_events_come_newest_first(world: World) -> None:
    operation, _ = world.recorded()
    world.records.audit.append("admin", "project.tried", project_id=operation.project_id)
    events = world.records.overview.latest_events(operation.project_id, limit=10)
    assert [event.action for event in events] == ["project.tried", "operation.opened"]
    assert world.records.overview.last_event(operation.project_id) == events[0].id


def test_organizations_are_those_of_their_members(world: World) -> None:
    other = world.records.directory.ensure_organization("other", "Other")
    [own] = world.records.people.memberships("demo")
    assert own.organization.slug == "platform"
    assert [environment.slug for environment in own.environments] == ["dev", "prod"]
    assert [user.username for user in own.members] == ["demo"]
    assert {item.organization.id for item in world.records.people.memberships()} == {
        other.id,
        world.organization.id,
    }
    assert world.records.people.memberships("nobody") == []


def test_figures_count_what_is_recorded(world: World) -> None:
    nothing = world.records.tally.figures()
    assert sum(nothing.counts.values()) == 0
    assert (nothing.synced.p50, nothing.days, nothing.drifted_slug) == (None, [], None)

    operation, environments = world.recorded()
    world.records.ledger.begin(operation.id, "wait_until_synced", "dev", {})
    waiting = world.records.tally.figures()
    assert (waiting.waiting, waiting.stuck) == (1, 0)
    assert waiting.waiting_since is not None

    world.records.lease.release(operation.id)
    assert world.records.tally.figures().stuck == 1

    world.sync_repository(operation.project_id)
    for environment in environments:
        world.sync_environment(environment)
    world.records.operations.close(operation.id, OperationStatus.SUCCEEDED)
    done = world.records.tally.figures()
    assert (done.counts[Status.SYNCED], done.stuck, done.waiting) == (1, 0, 0)
    assert done.synced.number == 1
    assert done.synced.p50 is not None
    [day] = done.days
    assert (day.succeeded, day.failed, day.synced.number) == (1, 0, 1)

    world.records.observations.resource_observed(environments[0], Kind.NAMESPACE, seen(Status.DRIFTED))
    assert world.records.tally.figures().counts[Status.DRIFTED] == 1


def test_the_oldest_drift_is_as_old_as_it_is_open(world: World) -> None:
    operation, _ = world.recorded()
    passes, figures = world.records.passes, world.records.tally.figures

    def found(finding_class: FindingClass, name: str) -> DecidedFinding:
        finding = Finding(
            finding_class, System.CLUSTER, "Namespace", name, "as a test says", operation.project_id
        )
        return DecidedFinding(finding, Policy.REPORT, FindingState.OPEN)

    def see(run: str, *seen: DecidedFinding, gone: Collection[UUID] = ()) -> None:
        begun = passes.begin("reconcile_projects", run, None, {})
        passes.see(begun.id, seen, gone)
        passes.finish(begun.id, keep_seconds=3600)

    old, new = found(FindingClass.DRIFTED, "old"), found(FindingClass.MISSING, "new")
    see("pass-1", found(FindingClass.WAITING, "no drift"))
    assert figures().drifted_slug is None
    see("pass-2", old)
    assert figures().drifted_slug == "billing"
    first = figures().drifted_since
    assert first is not None

    see("pass-3", old, new)
    assert figures().drifted_since == first

    ended = [item.id for item in passes.open_findings() if item.id and item.finding == old.finding]
    see("pass-4", new, gone=ended)
    later = figures().drifted_since
    assert later is not None
    assert later > first
    see("pass-5", old, new)
    assert figures().drifted_since == later


def test_what_was_asked_for_is_told_from_what_is_kept_true(world: World) -> None:
    asked, _ = world.recorded()
    world.records.operations.close(asked.id, OperationStatus.FAILED, "CutOff", "it ended")
    run = world.run("run-2", kind=OperationKind.REPAIR, dag_id="reconcile_projects")
    repair = world.records.operations.open_existing(asked.project_id, run)
    world.records.operations.close(repair.id, OperationStatus.SUCCEEDED)
    whole = world.records.overview.project("billing")
    assert whole is not None
    assert whole.requested is not None
    assert whole.requested.id == asked.id
    assert [item.id for item, _ in whole.operations] == [repair.id, asked.id]
