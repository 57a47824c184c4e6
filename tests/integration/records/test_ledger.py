"""The ledger tells what was intended, how often it was tried, what came of it, and who did what."""

from __future__ import annotations

from uuid import uuid4

import pytest

from groundwork.errors import NotFound, Rejected
from groundwork.model.statuses import OperationStatus

from .world import World


def test_a_step_begins_running_with_its_intent(world: World) -> None:
    operation = world.open()
    entry = world.records.ledger.begin(
        operation.id, "create_namespace", "dev", {"name": "project-billing-dev"}
    )
    assert (entry.status, entry.attempts, entry.scope) == (OperationStatus.RUNNING, 1, "dev")
    assert entry.intent == {"name": "project-billing-dev", "creates": []}
    assert entry.finished_at is None
    assert world.records.ledger.steps(operation.id) == [entry]


def test_a_step_done_says_what_was_made(world: World) -> None:
    operation = world.open()
    entry = world.records.ledger.begin(operation.id, "create_repository", "", {})
    done = world.records.ledger.done(entry.id, external_id="42", created=True, result={"path": "a/b"})
    assert (done.status, done.external_id, done.created) == (OperationStatus.SUCCEEDED, "42", True)
    assert done.result == {"path": "a/b"}
    assert done.finished_at is not None


def test_a_step_tried_again_keeps_what_the_first_try_made(world: World) -> None:
    operation = world.open()
    first = world.records.ledger.begin(operation.id, "create_repository", "", {"try": 1})
    world.records.ledger.creates(first.id, "Repository/platform/billing")
    world.records.ledger.creates(first.id, "Repository/platform/billing")
    world.records.ledger.done(first.id, external_id="42", created=True)
    again = world.records.ledger.begin(operation.id, "create_repository", "", {"try": 2})
    assert (again.id, again.attempts, again.status) == (first.id, 2, OperationStatus.RUNNING)
    assert (again.external_id, again.created, again.intent["try"]) == ("42", True, 2)
    assert again.creates == ["Repository/platform/billing"]
    done = world.records.ledger.done(again.id, created=False)
    assert (done.external_id, done.created) == ("42", True)


def test_a_failed_step_says_why_and_a_new_try_clears_it(world: World) -> None:
    operation = world.open()
    entry = world.records.ledger.begin(operation.id, "push_template", "", {})
    failed = world.records.ledger.failed(entry.id, "Rejected", "pre-receive\0 hook declined")
    assert (failed.status, failed.reason) == (OperationStatus.FAILED, "Rejected")
    assert failed.message == "pre-receive\N{REPLACEMENT CHARACTER} hook declined"
    again = world.records.ledger.begin(operation.id, "push_template", "", {})
    assert (again.status, again.reason, again.message) == (OperationStatus.RUNNING, None, None)


def test_each_environment_has_its_own_entry(world: World) -> None:
    operation = world.open()
    for scope in ("dev", "prod", "dev"):
        world.records.ledger.begin(operation.id, "create_namespace", scope, {})
    steps = world.records.ledger.steps(operation.id)
    assert {(step.scope, step.attempts) for step in steps} == {("dev", 2), ("prod", 1)}


def test_unknown_entries_and_operations_are_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="ledger"):
        world.records.ledger.done(uuid4())
    with pytest.raises(NotFound, match="ledger"):
        world.records.ledger.failed(uuid4(), "Any", "thing")
    with pytest.raises(NotFound, match="operation"):
        world.records.ledger.begin(uuid4(), "create_namespace", "", {})


def test_opening_and_closing_are_on_the_audit_trail(world: World) -> None:
    operation = world.open(triggered_by="admin")
    world.records.audit.append("demo", "project.seen", project_id=operation.project_id, details={"page": 1})
    world.records.operations.close(operation.id, OperationStatus.SUCCEEDED)
    trail = world.records.audit.timeline(operation.project_id)
    assert [(event.actor, event.action) for event in trail] == [
        ("admin", "operation.opened"),
        ("demo", "project.seen"),
        ("groundwork", "operation.closed"),
    ]
    assert trail[0].details["requested_by"] == "demo"
    assert world.records.audit.timeline(operation.project_id, after=trail[0].id) == trail[1:]
    assert world.records.audit.timeline(operation.project_id, limit=1) == trail[:1]


def test_a_takeover_is_on_the_audit_trail(world: World) -> None:
    dead = world.open(lease_seconds=0)
    world.records.operations.open_existing(dead.project_id, world.run("run-2"))
    assert world.records.audit.timeline(dead.project_id)[-1].details["took_over_from"] == [str(dead.id)]


def test_a_refused_operation_leaves_no_trace(world: World) -> None:
    operation = world.open()
    before = world.records.audit.timeline(operation.project_id)
    with pytest.raises(Rejected):
        world.records.operations.close(operation.id, OperationStatus.FAILED)
    assert world.records.audit.timeline(operation.project_id) == before
