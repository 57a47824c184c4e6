"""How the end of an operation is explained from what its steps left in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from groundwork.model.entities import Environment, Observation, Policy, ProjectEnvironment, StepEntry
from groundwork.model.statuses import OperationStatus, Status
from groundwork.operations.closing import explanation, outcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENVIRONMENT = ProjectEnvironment(
    UUID(int=1),
    UUID(int=2),
    Environment(UUID(int=3), UUID(int=4), "dev", "Development", "cluster", Policy()),
    "project-shop-dev",
    Observation(Status.PENDING, "Recorded"),
)
SUCCEEDED, RUNNING, FAILED = OperationStatus.SUCCEEDED, OperationStatus.RUNNING, OperationStatus.FAILED


def entry(step: str, scope: str, status: OperationStatus, reason: str | None = None) -> StepEntry:
    return StepEntry(
        id=UUID(int=9),
        operation_id=UUID(int=8),
        step=step,
        scope=scope,
        status=status,
        attempts=1,
        intent={},
        result=None,
        external_id=None,
        created=None,
        reason=reason,
        message="what GitLab said" if reason else None,
        started_at=NOW,
        finished_at=None,
    )


@pytest.mark.parametrize(
    ("entries", "reason", "text"),
    [
        ([], "NotReached", "run ended before this environment"),
        (
            [entry("create_namespace", "dev", FAILED, "Conflict")],
            "Conflict",
            "create_namespace: what GitLab said",
        ),
        ([entry("create_namespace", "dev", RUNNING)], "CutOff", "create_namespace was cut off"),
        ([entry("push_template", "", FAILED, "Conflict")], "NotReached", "push_template: what GitLab said"),
        (
            [
                entry("create_namespace", "dev", FAILED, "Conflict"),
                entry("push_template", "", FAILED, "NotAllowed"),
            ],
            "Conflict",
            "create_namespace",
        ),
        ([entry("create_namespace", "prod", FAILED, "Conflict")], "NotReached", "run ended"),
        ([entry("create_namespace", "dev", SUCCEEDED)], "NotReached", "run ended"),
    ],
)
def test_an_environment_says_why_it_was_not_finished(
    entries: list[StepEntry], reason: str, text: str
) -> None:
    found_reason, message = explanation(ENVIRONMENT, entries)
    assert (found_reason, text in message) == (reason, True)


def test_the_project_s_own_failure_comes_first() -> None:
    entries = [entry("preflight", "", FAILED, "PreflightFailed")]
    assert outcome(Status.FAILED, "BuildFailed", "dev: no", entries) == ("BuildFailed", "dev: no")


def test_a_step_that_stopped_the_run_is_named() -> None:
    entries = [entry("accept_request", "", SUCCEEDED), entry("preflight", "", FAILED, "PreflightFailed")]
    assert outcome(Status.PENDING, "Recorded", "", entries) == (
        "PreflightFailed",
        "preflight: what GitLab said",
    )


def test_a_run_that_never_began_says_so() -> None:
    assert outcome(Status.PENDING, "Recorded", "", [])[0] == "NotReached"
