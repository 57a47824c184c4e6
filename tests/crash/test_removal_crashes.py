"""A removal that is killed anywhere is run again, and in the end everything of the project is gone.

As in `test_crashes`, for `decommission_project`: one run for every moment right before a step and right after
each change that it makes in GitLab or the cluster.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .reality import read
from .run import Place, Run, TaskServer, task_server
from .systems import Systems
from .test_crashes import Crash
from .wire import Action, Channel, Event, Script

AT_ONCE = 4
NewRequest = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def removals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TaskServer]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
    with task_server(tmp_path_factory.mktemp("removals"), own, "decommission_project") as found:
        yield found


@pytest.mark.timeout(900)
def test_a_killed_removal_changes_nothing_about_the_end(
    systems: Systems,
    server: TaskServer,
    removals: TaskServer,
    new_request: NewRequest,
    subtests: pytest.Subtests,
) -> None:
    ended = asyncio.run(_every_crash(systems, server, removals, new_request))
    assert {crash.step for crash, *_ in ended} == {task.step for task in removals.tasks}
    for crash, run, problems in ended:
        with subtests.test(step=crash.step, killed_after_change=crash.after):
            killed = [item.place for item in run.tries if item.error and item.error["reason"] == "Killed"]
            assert killed == [Place(crash.step, crash.environment, 1)]
            assert (run.state, problems) == ("success", [])


async def _every_crash(
    systems: Systems, server: TaskServer, removals: TaskServer, new_request: NewRequest
) -> list[tuple[Crash, Run, list[str]]]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def removed(script: Callable[[Place], Script]) -> tuple[Run, list[str]]:
        async with turn:
            request = new_request("dev")
            made = await Run(server, systems, request, _undisturbed, in_one_process=True).complete()
            assert made.state == "success", made.tries
            removal = {"project_id": request["slug"], "user_id": "demo"}
            run = await Run(removals, systems, removal, script).complete()
            return run, await asyncio.to_thread(_left, systems, request["slug"])

    watched, problems = await removed(_undisturbed)
    assert (watched.state, problems) == ("success", [])
    first = {item.place: item.events for item in watched.tries if item.place.try_number == 1}
    crashes = [
        Crash(place.step, place.environment, after)
        for place, events in first.items()
        for after in (0, *_changes_outside(events))
    ]

    async def one(crash: Crash) -> tuple[Crash, Run, list[str]]:
        return crash, *await removed(crash.script)

    return await asyncio.gather(*(one(crash) for crash in crashes))


def _changes_outside(events: list[Event]) -> list[int]:
    """Which of the changes of a step are made elsewhere than in the records; the first one is 1."""
    changes = [event for event in events if event.mutates]
    return [number for number, event in enumerate(changes, 1) if event.channel is not Channel.POSTGRES]


def _left(systems: Systems, slug: str) -> list[str]:
    """What is there of a project that was removed, and should not be."""
    found = read(systems, slug)
    left = [f"namespace {item.namespace['metadata']['name']}" for item in found.namespaces]
    for repository in found.repositories:
        left += [f"deploy token {token['name']}" for token in repository.tokens]
        if not repository.project["archived"]:
            left.append("the repository can be written to")
    for row in (*found.projects, *found.repository_rows, *found.environments, *found.resources):
        if row["status"] != "removed":
            left.append(f"{row.get('kind') or row.get('slug') or row.get('path')} is {row['status']}")
    removal = found.operations[-1]
    if (removal["kind"], removal["status"]) != ("decommission", "succeeded"):
        left.append(f"operation {removal['kind']} is {removal['status']}: {removal['message']}")
    left += ["the lease is still held" for lease in found.leases if lease["live"]]
    return left


def _undisturbed(_place: Place) -> Script:
    return lambda _event: Action()
