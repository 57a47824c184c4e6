"""How each family of errors becomes an Airflow retry."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

from groundwork import errors
from groundwork.orchestration.retry import GroundworkRetryPolicy

PERMANENT = [
    errors.InvalidRequest([errors.Problem("slug", "bad")]),
    errors.PreflightFailed([errors.Problem("slug", "taken")]),
    errors.Conflict("taken"),
    errors.NotAllowed("no"),
    errors.NotFound("gone"),
    errors.Rejected("no"),
    errors.ProjectBusy("held"),
    errors.LeaseLost("lost"),
    errors.SyncFailed("broken"),
    errors.Misconfigured("unset"),
]


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: error.reason)
def test_permanent_errors_fail_at_once_and_say_why(error: errors.PermanentError) -> None:
    decision = GroundworkRetryPolicy().evaluate(error, 1, 5)
    assert decision.action is RetryAction.FAIL
    assert decision.reason == f"{error.reason}: {error.message}"


@pytest.mark.parametrize("kind", [errors.Unavailable, errors.QuotaExceeded, errors.WaitingError])
def test_temporary_errors_wait_as_long_as_they_ask(kind: type[errors.TemporaryError]) -> None:
    decision = GroundworkRetryPolicy().evaluate(kind("later", 1200), 1, 5)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=1200))


def test_temporary_errors_without_a_pause_leave_it_to_the_backoff() -> None:
    decision = GroundworkRetryPolicy().evaluate(errors.Unavailable("later"), 1, 5)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, None)


def test_other_errors_take_the_default() -> None:
    assert GroundworkRetryPolicy().evaluate(ValueError("bug"), 1, 5).action is RetryAction.DEFAULT


def test_the_policy_survives_the_serialized_dag() -> None:
    policy = GroundworkRetryPolicy()
    assert isinstance(GroundworkRetryPolicy.deserialize(policy.serialize()), GroundworkRetryPolicy)


def test_reasons_are_unique() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    reasons = [kind.reason for kind in kinds if kind.__subclasses__() == []]
    assert len(reasons) == len(set(reasons))
