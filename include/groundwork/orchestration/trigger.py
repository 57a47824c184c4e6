"""The trigger behind `FluxSyncSensor`: waits in the triggerer and ends the task itself.

It has no side effects and may run twice. Its arguments are stored with the task and outlive upgrades, so
they are flat, JSON-able, hold no secret, and old names stay accepted. Source: Airflow docs, "Deferrable
operators".
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from groundwork.errors import GroundworkError
from groundwork.operations.sync import lineage, timed_out
from groundwork.orchestration import connections
from groundwork.orchestration.watch import Feed, FluxWatch
from groundwork.resources.conditions import Object
from groundwork.resources.ownership import SELECTOR
from groundwork.resources.verdict import Expectation, Outcome, Verdict, verdict

_OWN_LOOK_SECONDS = 60.0
_LOOKUP_PAUSE = 5.0
_watches: dict[str, FluxWatch] = {}


class FluxSyncTrigger(BaseTrigger):
    """Ends when an environment is synced, has failed, or `deadline` (Unix time, seconds) has passed."""

    def __init__(
        self,
        *,
        cluster: str,
        namespace: str,
        name: str,
        revision: str,
        requested_at: str,
        attempts_before: int,
        max_apply_attempts: int,
        max_health_attempts: int,
        deadline: float,
        gitlab: str,
        gitlab_project_id: int,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.cluster = cluster
        self.namespace = namespace
        self.name = name
        self.deadline = deadline
        self.gitlab = gitlab
        self.gitlab_project_id = gitlab_project_id
        self.expected = Expectation(
            revision, requested_at, attempts_before, max_apply_attempts, max_health_attempts
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "cluster": self.cluster,
                "namespace": self.namespace,
                "name": self.name,
                "revision": self.expected.revision,
                "requested_at": self.expected.requested_at,
                "attempts_before": self.expected.attempts_before,
                "max_apply_attempts": self.expected.max_apply_attempts,
                "max_health_attempts": self.expected.max_health_attempts,
                "deadline": self.deadline,
                "gitlab": self.gitlab,
                "gitlab_project_id": self.gitlab_project_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async with _watch(self.cluster).subscribe(self.namespace, self.name) as feed:
            yield _event(await self._final_verdict(feed))

    async def _final_verdict(self, feed: Feed) -> Verdict:
        objects, told = feed.latest(), ""
        while True:
            current = verdict(*objects, self.expected)
            told = self._tell(current, told)
            if current.final:
                return current
            if current.unknown_revision and await self._learn(current.unknown_revision):
                continue
            remaining = self.deadline - time.time()
            if remaining <= 0:
                return await self._at_deadline(feed, current)
            objects = await self._next_look(feed, remaining)

    async def _next_look(self, feed: Feed, remaining: float) -> tuple[Object | None, Object | None]:
        # Spread out, so that thousands of waiters do not ask the API server in the same second.
        own_look = _OWN_LOOK_SECONDS * random.uniform(0.75, 1.25)  # noqa: S311
        if await feed.change(min(own_look, max(remaining, 0.1))):
            return feed.latest()
        return await self._read(feed)

    async def _at_deadline(self, feed: Feed, last: Verdict) -> Verdict:
        """A late trigger looks at the state itself before it calls a time-out."""
        current = verdict(*await self._read(feed), self.expected)
        return current if current.final else timed_out(current if current.reason else last)

    async def _read(self, feed: Feed) -> tuple[Object | None, Object | None]:
        try:
            return await feed.read()
        except GroundworkError as error:
            self.log.warning("%s", error.message)
            return feed.latest()

    async def _learn(self, revision: str) -> bool:
        """Ask GitLab how a commit Flux has found stands to ours; False when it could not say now."""
        try:
            client = await connections.gitlab_async(self.gitlab)
            found = await asyncio.to_thread(
                lineage, client, self.gitlab_project_id, self.expected.revision, revision
            )
        except GroundworkError as error:
            self.log.warning("%s", error.message)
            await asyncio.sleep(_LOOKUP_PAUSE)
            return False
        self.expected = replace(self.expected, lineage={**self.expected.lineage, revision: found})
        return True

    def _tell(self, current: Verdict, told: str) -> str:
        text = f"{current.outcome}: {current}"
        if text != told:
            self.log.info("%s", text)
        return text


def _event(final: Verdict) -> TriggerEvent:
    return TaskSuccessEvent() if final.outcome is Outcome.SYNCED else TaskFailedEvent()


def _watch(cluster: str) -> FluxWatch:
    if cluster not in _watches:
        _watches[cluster] = FluxWatch(cluster, lambda: connections.cluster_async(cluster), SELECTOR)
    return _watches[cluster]
