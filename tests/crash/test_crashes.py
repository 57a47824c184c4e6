"""A step that is killed anywhere is run again, and the project ends as if nothing had happened.

First a run is watched for what each step changes outside itself. Then there is one run for every such
moment, in which the step's process is killed: before it changed anything, and after each change took effect
but before the process knew. The step is tried again, the run goes on to its end, and what exists is read and
judged. Which steps there are, and what they change, is the product's own word: a new one is covered here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from .invariants import (
    broken_after_failure,
    broken_after_quarantine,
    broken_after_rollback,
    broken_after_success,
)
from .reality import Reality, read
from .run import Place, Run, TaskServer
from .schedules import KINDS
from .systems import Systems
from .wire import Action, Channel, Do, Event, Script

pytestmark = pytest.mark.timeout(1200)  # each is dozens of runs

AT_ONCE = 4
ENVIRONMENTS = ("dev", "prod")
ENDS: dict[str, Callable[[Reality], list[str]]] = {
    "keep": broken_after_failure,
    "rollback": broken_after_rollback,
    "quarantine": broken_after_quarantine,
}
SETTLES = "apply_failure_policy"
NewRequest = Callable[..., dict[str, Any]]
Scripts = Callable[[Place], Script]


@dataclass
class Crash:
    """The process of a step is killed right after its change number `after`; 0 is before everything."""

    step: str
    environment: str
    after: int
    seen: int = 0
    struck: bool = False

    def script(self, place: Place) -> Script:
        """Kills once, and leaves everything else alone."""
        here = (place.step, place.environment) == (self.step, self.environment)

        def verdict(event: Event) -> Action:
            if not here or self.struck:
                return Action()
            self.seen += counts(place, event)
            self.struck = self.after == 0 or (self.seen == self.after and counts(place, event))
            return Action(Do.KILL, after=self.after > 0) if self.struck else Action()

        return verdict


@dataclass(frozen=True)
class Ended:
    """How the run with one crash ended."""

    crash: Crash
    run: Run
    problems: list[str]

    @property
    def killed(self) -> list[tuple[str, str]]:
        return [
            (item.place.step, item.place.environment)
            for item in self.run.tries
            if item.error and item.error["reason"] == "Killed"
        ]


def test_a_killed_step_changes_nothing_about_the_end(
    systems: Systems, server: TaskServer, new_request: NewRequest, subtests: pytest.Subtests
) -> None:
    def judge(found: Reality) -> list[str]:
        return broken_after_success(found, ENVIRONMENTS)

    crashes = asyncio.run(_moments(systems, server, new_request(*ENVIRONMENTS), undisturbed))
    assert {crash.step for crash in crashes} == {task.step for task in server.tasks}
    requests = [new_request(*ENVIRONMENTS) for _ in crashes]
    for ended in asyncio.run(_every_crash(systems, server, crashes, requests, undisturbed, judge)):
        with subtests.test(step=ended.crash.step, killed_after_change=ended.crash.after):
            assert ended.killed == [(ended.crash.step, ended.crash.environment)]
            assert (ended.run.state, ended.problems) == ("success", [])


@pytest.mark.parametrize("policy", ENDS)
def test_a_failure_is_settled_also_by_a_step_that_is_killed(
    systems: Systems, server: TaskServer, new_request: NewRequest, subtests: pytest.Subtests, policy: str
) -> None:
    request = new_request("dev") | {"on_failure": policy}
    found = asyncio.run(_moments(systems, server, request, in_the_end_refused))
    crashes = [crash for crash in found if crash.step in (SETTLES, "close_operation")]
    assert len(crashes) > 2
    requests = [new_request("dev") | {"on_failure": policy} for _ in crashes]
    every = _every_crash(systems, server, crashes, requests, in_the_end_refused, ENDS[policy])
    for ended in asyncio.run(every):
        with subtests.test(step=ended.crash.step, killed_after_change=ended.crash.after):
            assert ended.killed == [(ended.crash.step, ended.crash.environment)]
            assert (ended.run.state, ended.problems) == ("failed", [])


def test_any_step_may_be_cleared_and_the_whole_run_repeated(
    systems: Systems, server: TaskServer, new_request: NewRequest, subtests: pytest.Subtests
) -> None:
    request = new_request(*ENVIRONMENTS)
    for cleared, state, problems in asyncio.run(_repeated(systems, server, request)):
        with subtests.test(cleared=cleared):
            assert (state, problems) == ("success", [])


def counts(place: Place, event: Event) -> bool:
    """Whether an event is a change to crash at: not the bookkeeping of a step that waits again and again."""
    return event.mutates and (place.step != SETTLES or event.channel is not Channel.POSTGRES)


def undisturbed(_place: Place) -> Script:
    return lambda _event: Action()


def in_the_end_refused(place: Place) -> Script:
    """Everything is made, and then the cluster refuses to let it be looked at."""

    def verdict(event: Event) -> Action:
        looks = place.step == "wait_until_synced" and "/kustomizations/" in event.what
        return KINDS[Channel.KUBERNETES]["403"] if looks else Action()

    return verdict


async def _moments(
    systems: Systems, server: TaskServer, request: dict[str, Any], scripts: Scripts
) -> list[Crash]:
    """Every moment of a run at which a step's process could be killed; of one environment's steps."""
    run = await Run(server, systems, request, scripts, in_one_process=True).complete()
    changes: dict[tuple[str, str], int] = {}
    for item in run.tries:
        key = (item.place.step, item.place.environment)
        changes[key] = changes.get(key, 0) + sum(counts(item.place, event) for event in item.events)
    environment = request["environment_ids"][0]
    return [
        Crash(step, where, after)
        for (step, where), number in changes.items()
        if where in ("", environment)
        for after in range(number + 1)
    ]


async def _every_crash(
    systems: Systems,
    server: TaskServer,
    crashes: Sequence[Crash],
    requests: Sequence[dict[str, Any]],
    scripts: Scripts,
    judge: Callable[[Reality], list[str]],
) -> list[Ended]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(crash: Crash, request: dict[str, Any]) -> Ended:
        def both(place: Place) -> Script:
            first, second = crash.script(place), scripts(place)

            def verdict(event: Event) -> Action:
                action = first(event)
                return second(event) if action.do is Do.PASS else action

            return verdict

        async with turn:
            run = await Run(server, systems, request, both, in_one_process=True).complete()
            return Ended(crash, run, judge(await asyncio.to_thread(read, systems, request["slug"])))

    return await asyncio.gather(*map(one, crashes, requests))


async def _repeated(
    systems: Systems, server: TaskServer, request: dict[str, Any]
) -> list[tuple[str, str, list[str]]]:
    """For every step: it and all after it once more. In the end the whole, as a run of its own."""
    seen = []

    async def look(what: str, run: Run) -> None:
        found = await asyncio.to_thread(read, systems, request["slug"])
        seen.append((what, run.state, broken_after_success(found, ENVIRONMENTS)))

    run = await Run(server, systems, request, undisturbed).complete()
    for task in server.tasks:
        await look(task.step, await run.clear(task.task_id))
    again = {**request, "project_id": str(read(systems, request["slug"]).projects[0]["id"])}
    await look("the whole run", await Run(server, systems, again, undisturbed).complete())
    return seen
