"""The sensor that waits until Flux has applied an environment's commit.

It looks for a few seconds in a worker and, if that does not settle it, defers to `FluxSyncTrigger`, which
ends the task without a worker. A failure the trigger reports is looked at once more by the task's retry,
which records it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from airflow.sdk import BaseSensorOperator

from groundwork.orchestration.links import KustomizationLink, ProjectLink, RepositoryLink

if TYPE_CHECKING:
    from groundwork.operations.services import Services
    from groundwork.operations.sync import Wait
    from groundwork.resources.verdict import Verdict

# The trigger keeps the deadline itself and explains it; this only catches a trigger that never ran.
_TRIGGER_GRACE = timedelta(minutes=5)
_LOOK_EVERY = 0.3


class FluxSyncSensor(BaseSensorOperator):
    """Succeeds once the environment is synced.

    :param operation_id: the operation that waits (templated).
    :param environment: slug of the environment waited for (templated).

    Raises `SyncFailed` with Flux's own message when the environment cannot become synced.
    """

    template_fields: Sequence[str] = ("operation_id", "environment")
    operator_extra_links = (ProjectLink(), RepositoryLink(), KustomizationLink())
    ui_color = "#d6f5e3"

    def __init__(self, *, operation_id: str, environment: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation_id = operation_id
        self.environment = environment

    def execute(self, context: Any) -> None:
        from groundwork.errors import SyncFailed
        from groundwork.operations import sync
        from groundwork.orchestration.services import open_services
        from groundwork.resources.verdict import Outcome

        with open_services() as services:
            wait = sync.begin_wait(services, UUID(self.operation_id), self.environment)
            for link in self.operator_extra_links:
                address = link.get_link(self, ti_key=context["ti"])
                context["ti"].xcom_push(key=link.xcom_key, value=address)
            current = self._first_look(services, wait)
            if current.outcome is Outcome.SYNCED:
                return
            if current.final:
                sync.record_failure(services, wait, current)
                raise SyncFailed(str(current))
        self._defer(wait)

    def _first_look(self, services: Services, wait: Wait) -> Verdict:
        until = time.monotonic() + services.settings.sync_first_look
        while not (current := self._look(services, wait)).final and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
        return current

    def _look(self, services: Services, wait: Wait) -> Verdict:
        from groundwork.errors import TemporaryError
        from groundwork.operations import sync
        from groundwork.resources.verdict import Outcome, Verdict

        try:
            current = sync.look(services, wait)
        except TemporaryError as error:
            self.log.warning("%s", error.message)
            current = Verdict(Outcome.WAITING, error.reason, error.message)
        if not current.final and time.time() >= wait.deadline:
            return sync.timed_out(current)
        return current

    def _defer(self, wait: Wait) -> NoReturn:
        from groundwork.orchestration.trigger import FluxSyncTrigger
        from groundwork.settings import get_settings

        expected = wait.expected
        self.log.info("Waiting for Flux to sync %s in %s", expected.revision, wait.target.namespace)
        self.defer(
            trigger=FluxSyncTrigger(
                cluster=wait.cluster,
                namespace=wait.target.namespace,
                name=wait.name,
                revision=expected.revision,
                requested_at=expected.requested_at,
                attempts_before=expected.attempts_before,
                max_apply_attempts=expected.max_apply_attempts,
                max_health_attempts=expected.max_health_attempts,
                deadline=wait.deadline,
                gitlab=get_settings().gitlab_connection,
                gitlab_project_id=wait.gitlab_project_id,
            ),
            method_name="execute",
            timeout=timedelta(seconds=max(0.0, wait.deadline - time.time())) + _TRIGGER_GRACE,
        )
