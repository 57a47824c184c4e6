"""The sensor that waits until Flux has applied an environment's commit.

It looks once in a worker and, if that does not settle it, defers to `FluxSyncTrigger`, which ends the task
without a worker. A failure the trigger reports is looked at once more by the task's retry, which records it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from airflow.sdk import BaseSensorOperator

from groundwork.errors import SyncFailed, TemporaryError
from groundwork.operations import sync
from groundwork.orchestration.services import open_services
from groundwork.orchestration.trigger import FAILURE_XCOM, FluxSyncTrigger, failure, success, timed_out
from groundwork.resources.verdict import Outcome, Verdict

# The trigger keeps the deadline itself and explains it; this only catches a trigger that never ran.
_TRIGGER_GRACE = timedelta(minutes=5)


class FluxSyncSensor(BaseSensorOperator):
    """Succeeds with `{"revision", "observed_at"}` once the environment is synced.

    :param operation_id: the operation that waits (templated).
    :param project_environment_id: the environment waited for (templated).

    Raises `SyncFailed` with Flux's own message when the environment cannot become synced.
    """

    template_fields: Sequence[str] = ("operation_id", "project_environment_id")
    ui_color = "#d6f5e3"

    def __init__(self, *, operation_id: str, project_environment_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation_id = operation_id
        self.project_environment_id = project_environment_id

    def execute(self, context: Any) -> dict[str, str]:
        with open_services() as services:
            wait = sync.begin_wait(services, UUID(self.operation_id), UUID(self.project_environment_id))
            context["environment"] = wait.environment_slug
            current = self._look(services, wait)
            if current.outcome is Outcome.SYNCED:
                return success(current)
            if not current.final and time.time() >= wait.deadline:
                current = timed_out(current)
            if current.final:
                context["ti"].xcom_push(key=FAILURE_XCOM, value=failure(current))
                sync.record_failure(services, wait, current)
                raise SyncFailed(f"{current.reason}: {current.message}")
        return self._wait(wait)

    def _look(self, services: Any, wait: sync.Wait) -> Verdict:
        try:
            return sync.look(services, wait)
        except TemporaryError as error:
            self.log.warning("%s", error.message)
            return Verdict(Outcome.WAITING, error.reason, error.message)

    def _wait(self, wait: sync.Wait) -> dict[str, str]:
        self.log.info("Waiting for Flux to sync %s in namespace %s", wait.expected.revision, wait.namespace)
        remaining = timedelta(seconds=wait.deadline - time.time())
        self.defer(
            trigger=FluxSyncTrigger(
                cluster=wait.cluster,
                namespace=wait.namespace,
                name=wait.name,
                revision=wait.expected.revision,
                requested_at=wait.expected.requested_at,
                attempts_before=wait.expected.attempts_before,
                max_apply_attempts=wait.expected.max_apply_attempts,
                max_health_attempts=wait.expected.max_health_attempts,
                deadline=wait.deadline,
                gitlab=wait.gitlab_connection,
                gitlab_project_id=wait.gitlab_project_id,
            ),
            method_name="execute",
            timeout=remaining + _TRIGGER_GRACE,
        )
