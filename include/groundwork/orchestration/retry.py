"""How Groundwork's errors become Airflow's retries; the one place that maps them.

A permanent error fails the task now. A temporary one is retried after the pause it asks for, or after the
task's own backoff; no worker slot is held meanwhile. Source: Airflow docs, "Retry policies".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision

from groundwork.errors import PermanentError, TemporaryError


class GroundworkRetryPolicy(RetryPolicy):
    """Decides by the family of the error; errors that are not Groundwork's take Airflow's default."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Any = None,
    ) -> RetryDecision:
        del try_number, max_tries, context
        if isinstance(exception, PermanentError):
            return RetryDecision.fail(f"{exception.reason}: {exception.message}")
        if isinstance(exception, TemporaryError):
            delay = timedelta(seconds=exception.retry_after) if exception.retry_after else None
            return RetryDecision.retry(delay, f"{exception.reason}: {exception.message}")
        return RetryDecision.default()

    def serialize(self) -> dict[str, Any]:
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> GroundworkRetryPolicy:
        del data
        return cls()
