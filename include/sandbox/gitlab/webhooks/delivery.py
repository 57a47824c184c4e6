"""Sending webhooks in the background: retries, records, pausing of hooks that keep failing.

Source: GitLab's "Webhooks" page: an attempt that gets no answer is retried with the same
`Idempotency-Key`; on GitLab.com (off by default elsewhere) four failures in a row pause a hook, for one
minute at first and up to a day, and forty disable it for good.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from sandbox.gitlab.settings import VERSION
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.database import Database
from sandbox.gitlab.store.work_tables import Hook, HookDelivery

ATTEMPTS = 4
FAILURES_BEFORE_PAUSE = 4
FAILURES_BEFORE_END = 40
_LONGEST_PAUSE = timedelta(days=1)
_PAUSE_BETWEEN_ATTEMPTS = 0.2
_SENDERS = 8
_KEPT_BODY = 8192


@dataclass(frozen=True)
class Delivery:
    """One event for one hook."""

    hook_id: int
    url: str
    token: str | None
    verify: bool
    event: str
    trigger: str
    payload: dict[str, Any]
    instance: str


@dataclass(frozen=True)
class Outcome:
    """What came of a delivery. `status` is the HTTP status, or `internal error` without an answer."""

    status: str
    body: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether the receiver did not take it."""
        return not self.status.startswith("2")


class Deliveries:
    """A small pool of senders."""

    def __init__(self, database: Database, timeout: float) -> None:
        self._database = database
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(_SENDERS, "webhook")
        self._closing = threading.Event()

    def submit(self, delivery: Delivery, disable_failing: bool = False, pause: float = 60) -> None:
        """Send in the background."""
        self._pool.submit(self._deliver, delivery, disable_failing, pause)

    def close(self) -> None:
        """Let running attempts end; drop what waits."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def send(self, delivery: Delivery) -> Outcome:
        """Send now and record it; the answer of the last attempt counts."""
        headers = _headers(delivery)
        outcome = Outcome("internal error", "", 0.0)
        for attempt in range(ATTEMPTS):
            outcome = self._attempt(delivery, headers)
            if outcome.status != "internal error" or self._closing.is_set():
                break
            time.sleep(_PAUSE_BETWEEN_ATTEMPTS * 2**attempt)
        self._record(delivery, headers, outcome)
        return outcome

    def _deliver(self, delivery: Delivery, disable_failing: bool, pause: float) -> None:
        outcome = self.send(delivery)
        with self._database.write() as db:
            hook = db.get(Hook, delivery.hook_id)
            if hook is None:
                return
            hook.failures = hook.failures + 1 if outcome.failed else 0
            hook.disabled_until = None
            if disable_failing and FAILURES_BEFORE_PAUSE <= hook.failures < FAILURES_BEFORE_END:
                doublings = min(hook.failures - FAILURES_BEFORE_PAUSE, 20)
                hook.disabled_until = now() + min(timedelta(seconds=pause * 2**doublings), _LONGEST_PAUSE)

    def _attempt(self, delivery: Delivery, headers: dict[str, str]) -> Outcome:
        started = time.perf_counter()
        try:
            with httpx.Client(timeout=self._timeout, verify=delivery.verify, trust_env=False) as client:
                answer = client.post(delivery.url, content=json.dumps(delivery.payload), headers=headers)
            return Outcome(str(answer.status_code), answer.text[:_KEPT_BODY], time.perf_counter() - started)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            return Outcome("internal error", str(problem), time.perf_counter() - started)

    def _record(self, delivery: Delivery, headers: dict[str, str], outcome: Outcome) -> None:
        shown = {key: value for key, value in headers.items() if key != "X-Gitlab-Token"}
        with self._database.write() as db:
            if db.get(Hook, delivery.hook_id) is None:
                return
            db.add(
                HookDelivery(
                    hook_id=delivery.hook_id,
                    trigger=delivery.trigger,
                    url=delivery.url,
                    request_headers=shown,
                    request_data=delivery.payload,
                    response_status=outcome.status,
                    response_body=outcome.body,
                    duration=outcome.seconds,
                )
            )


def _headers(delivery: Delivery) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"GitLab/{VERSION}",
        "Idempotency-Key": str(uuid.uuid4()),
        "X-Gitlab-Event": delivery.event,
        "X-Gitlab-Webhook-UUID": str(
            uuid.uuid5(uuid.NAMESPACE_URL, f"{delivery.instance}/hooks/{delivery.hook_id}")
        ),
        "X-Gitlab-Instance": delivery.instance,
        "X-Gitlab-Event-UUID": str(uuid.uuid4()),
    }
    return headers | ({"X-Gitlab-Token": delivery.token} if delivery.token else {})
