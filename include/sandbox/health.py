"""Asks a part whether it works, and waits until it does."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import httpx
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_any,
    stop_when_event_set,
    wait_exponential,
)

from sandbox.errors import Unhealthy

Probe = Callable[[float], None]
"""Returns when a program works, raises `Unhealthy` with the reason when it does not.

Its argument is when the process was started, in seconds since the epoch: what an earlier process left behind
does not count."""


def http_probe(url: str, *, tls: Callable[[], ssl.SSLContext] | None = None) -> Probe:
    """A probe that wants a successful answer from `url`; without `tls` any certificate will do."""

    def probe(_started: float) -> None:
        get(url, tls=tls() if tls else None)

    return probe


def get(url: str, *, tls: ssl.SSLContext | None = None) -> httpx.Response:
    """The answer of `url` on loopback; raises `Unhealthy` when there is none, or an error."""
    try:
        with httpx.Client(timeout=5, trust_env=False, verify=tls or False) as client:
            return client.get(url).raise_for_status()
    except httpx.HTTPError as error:
        raise Unhealthy(f"{url}: {error or type(error).__name__}") from error


def wait_until(
    check: Callable[[], None], *, seconds: float, what: str, abandoned: threading.Event | None = None
) -> None:
    """Repeats `check` until it passes; raises `Unhealthy` with its last reason after `seconds`.

    Gives up early when `abandoned` is set, such as because another part has failed.
    """
    event = abandoned or threading.Event()
    attempts = Retrying(
        retry=retry_if_exception_type(Unhealthy),
        wait=wait_exponential(multiplier=0.05, max=0.5),
        stop=stop_any(stop_after_delay(seconds), stop_when_event_set(event)),
        sleep=sleep_using_event(event),
    )
    try:
        attempts(check)
    except RetryError as error:
        reason = error.last_attempt.exception()
        raise Unhealthy(f"{what} is not healthy after {seconds:.0f} s: {reason}") from reason
