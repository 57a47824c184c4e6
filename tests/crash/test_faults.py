"""What each fault at the wire becomes: an error of Groundwork's own that says whether to try again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .run import Place, Run, TaskServer, Try
from .schedules import KINDS, LASTING, PAUSE, Fault, Player
from .systems import Systems
from .wire import Action, Channel, Event, Script

# A step that asks the system, after everything is there; for git the one that looks whether to push.
ASKS = {
    Channel.GITLAB: "preflight",
    Channel.KUBERNETES: "preflight",
    Channel.GIT: "push_template",
    Channel.POSTGRES: "mark_project_synced",
}
QUICK = {"GROUNDWORK_HTTP_TIMEOUT": "3", "GROUNDWORK_GIT_TIMEOUT": "3"}


@pytest.fixture(scope="module")
def tried(systems: Systems, server: TaskServer, new_request: Callable[..., Any]) -> Iterator[Any]:
    """Tries a step of a synced project with a script; also says how long that took."""
    with asyncio.Runner() as runner:

        async def synced() -> Run:
            return await Run(
                server, systems, new_request("dev"), lambda _: lambda _: Action(), QUICK
            ).complete()

        run = runner.run(synced())
        assert run.state == "success"

        def attempt(step: str, script: Script) -> tuple[Try, float]:
            started = time.monotonic()
            ended = runner.run(run.attempt(step, script))
            return ended, time.monotonic() - started

        yield attempt


@pytest.mark.parametrize(
    ("channel", "kind"), [(channel, kind) for channel in KINDS for kind in KINDS[channel]]
)
def test_a_fault_becomes_an_error_that_says_what_to_do(tried: Any, channel: Channel, kind: str) -> None:
    player = Player((Fault(channel, kind, 1, changes=False),))
    ended, seconds = tried(ASKS[channel], player(Place(ASKS[channel], "", 1)))
    if channel is Channel.POSTGRES and kind.startswith("cut"):
        # Nothing was begun yet, so the records connect anew by themselves.
        assert ended.error is None or ended.error["reason"] == "Unavailable"
        return
    assert ended.error is not None
    assert ended.error["action"] == ("fail" if kind in LASTING else "retry"), ended.error
    assert ended.error["reason"] == _reason(channel, kind), ended.error
    assert ended.error["delay"] == (PAUSE if kind.endswith("with pause") else None)
    assert seconds < PAUSE, "the pause was waited for in the task"


@pytest.mark.parametrize("health", ["500", "403", "cut before"])
def test_a_refusal_by_an_api_server_that_starts_is_no_verdict(tried: Any, health: str) -> None:
    def starting(event: Event) -> Action:
        if event.channel is not Channel.KUBERNETES:
            return Action()
        return KINDS[event.channel][health if "/readyz" in event.what else "403"]

    ended, _ = tried("preflight", starting)
    assert (ended.error["action"], ended.error["reason"]) == ("retry", "Unavailable"), ended.error
    assert "does not say at /readyz that it is ready" in ended.error["message"]


def _reason(channel: Channel, kind: str) -> str:
    if kind.startswith("kill"):
        return "Killed"
    if kind in LASTING:
        return "PreflightFailed"
    return "QuotaExceeded" if channel is Channel.GITLAB and kind.startswith("429") else "Unavailable"
