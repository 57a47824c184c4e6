"""A step that is killed anywhere is run again, and the project ends as if nothing had happened.

First a run is watched for what each step changes outside itself. Then there is one run for every such
moment, in which the step's process is killed: before it changed anything, and after each change took effect
but before the process knew. The step is tried again, the run goes on to its end, and what exists is read and
judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from .invariants import broken_after_success
from .reality import read
from .run import Place, Run, TaskServer
from .systems import Systems
from .wire import Action, Do, Event, Script

AT_ONCE = 4
ENVIRONMENTS = ("dev", "prod")
NewRequest = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Crash:
    """The step's process is killed right after its change number `after`; 0 is before everything."""

    step: str
    environment: str
    after: int

    def script(self, place: Place) -> Script:
        """Kills the first try at the moment, and leaves everything else alone."""
        changes = 0

        def verdict(event: Event) -> Action:
            nonlocal changes
            if (place.step, place.environment, place.try_number) != (self.step, self.environment, 1):
                return Action()
            if self.after == 0:
                return Action(Do.KILL)
            changes += event.mutates
            return Action(Do.KILL, after=True) if event.mutates and changes == self.after else Action()

        return verdict


def test_a_killed_step_changes_nothing_about_the_end(
    systems: Systems, server: TaskServer, new_request: NewRequest, subtests: pytest.Subtests
) -> None:
    ended = asyncio.run(_every_crash(systems, server, new_request))
    assert {crash.step for crash, *_ in ended} == {task.step for task in server.tasks}
    for crash, run, problems in ended:
        with subtests.test(step=crash.step, killed_after_change=crash.after):
            unsuccessful = [(item.place, item.error["reason"]) for item in run.tries if item.error]
            assert unsuccessful == [(Place(crash.step, crash.environment, 1), "Killed")]
            assert problems == []


def test_any_step_may_be_cleared_and_the_whole_run_repeated(
    systems: Systems, server: TaskServer, new_request: NewRequest, subtests: pytest.Subtests
) -> None:
    request = new_request(*ENVIRONMENTS)
    for cleared, state, problems in asyncio.run(_repeated(systems, server, request)):
        with subtests.test(cleared=cleared):
            assert (state, problems) == ("success", [])


async def _every_crash(
    systems: Systems, server: TaskServer, new_request: NewRequest
) -> list[tuple[Crash, Run, list[str]]]:
    watched = await Run(server, systems, new_request(*ENVIRONMENTS), _undisturbed).complete()
    crashes = [
        Crash(item.place.step, item.place.environment, after)
        for item in watched.tries
        if item.place.environment in ("", ENVIRONMENTS[0])
        for after in range(sum(event.mutates for event in item.events) + 1)
    ]
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(crash: Crash) -> tuple[Crash, Run, list[str]]:
        async with turn:
            request = new_request(*ENVIRONMENTS)
            run = await Run(server, systems, request, crash.script, in_one_process=True).complete()
            return crash, run, await _problems(systems, request["slug"])

    return await asyncio.gather(*(one(crash) for crash in crashes))


async def _repeated(
    systems: Systems, server: TaskServer, request: dict[str, Any]
) -> list[tuple[str, str, list[str]]]:
    """For every step: it and all after it once more. In the end the whole, as a run of its own."""
    seen = []
    run = await Run(server, systems, request, _undisturbed).complete()
    for task in server.tasks:
        await run.clear(task.task_id)
        seen.append((task.step, run.state, await _problems(systems, request["slug"])))
    project_id = str(read(systems, request["slug"]).projects[0]["id"])
    again = Run(server, systems, {**request, "project_id": project_id}, _undisturbed)
    await again.complete()
    seen.append(("the whole run", again.state, await _problems(systems, request["slug"])))
    return seen


async def _problems(systems: Systems, slug: str) -> list[str]:
    found = await asyncio.to_thread(read, systems, slug)
    return broken_after_success(found, ENVIRONMENTS)


def _undisturbed(_place: Place) -> Script:
    return lambda _event: Action()
