"""Whatever goes wrong on the way, a run ends synced, or fails with a reason and without a false word.

Schedules of faults are drawn from a seed, which a failure prints: `--schedule-seed` draws the same again, and
`--schedules` more of them. They are played several at a time against a sandbox of their own, because some
restart the systems that all runs stand on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from sandbox.gitlab.faults import FaultClient

from .invariants import broken_after_failure, broken_after_success
from .reality import read
from .run import Run, TaskServer, Try
from .schedules import Player, Schedule, schedules
from .systems import Systems, systems_of

AT_ONCE = 5
# What a fault is about must not take the defaults' half minute; retries are what makes up for it.
QUICK = {"GROUNDWORK_HTTP_TIMEOUT": "5", "GROUNDWORK_GIT_TIMEOUT": "10", "GROUNDWORK_SYNC_DEADLINE": "60"}


@dataclass(frozen=True)
class Stage:
    """Where schedules are played."""

    sandbox: Any
    systems: Systems
    server: TaskServer
    control: FaultClient


@pytest.fixture(scope="module")
def stage(own_sandbox: Callable[[str], Any], server: TaskServer) -> Iterator[Stage]:
    sandbox = own_sandbox("faults")
    sandbox.up_systems()
    with FaultClient(sandbox.gitlab_url, sandbox.gitlab_admin_token) as control:
        yield Stage(sandbox, systems_of(sandbox), server, control)


@pytest.mark.timeout(3 * 3600)
def test_every_schedule_of_faults_ends_well(
    stage: Stage, new_request: Callable[..., dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    wanted, first = request.config.getoption("schedules"), request.config.getoption("schedule_seed")
    played: list[Schedule] = []

    def play(number: int) -> None:
        @seed(first * 1000 + number)
        @settings(
            max_examples=-(-wanted // AT_ONCE),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(schedules())
        def ends_well(schedule: Schedule) -> None:
            played.append(schedule)
            problems = asyncio.run(_played(stage, schedule, new_request(*schedule.environments)))
            assert not problems, f"{schedule}: {problems} (seed {first}, thread {number})"

        ends_well()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        for ended in [threads.submit(play, number) for number in range(AT_ONCE)]:
            ended.result()
    assert len(played) >= wanted


async def _played(stage: Stage, schedule: Schedule, request: dict[str, Any]) -> list[str]:
    """What is wrong in the end."""

    def run(player: Player) -> Run:
        return Run(stage.server, stage.systems, request, player, QUICK, in_one_process=True)

    runs = [run(Player(schedule.faults))]
    if schedule.twin is not None:
        runs.append(run(Player(schedule.twin)))
    with schedule.switched(stage.control, request["slug"]):
        await asyncio.gather(*(each.complete() for each in runs))
    problems = [f"{item.place}: {item.error}" for each in runs for item in each.tries if _unexpected(item)]
    found = await asyncio.to_thread(read, stage.systems, request["slug"])
    if schedule.fails:
        return problems + _not_all_failed(runs) + broken_after_failure(found)
    return problems + _not_one_synced(runs) + broken_after_success(found, schedule.environments)


def _unexpected(ended: Try) -> bool:
    """Whether a try ended with an error that is not one of Groundwork's own."""
    return ended.error is not None and not ended.error["expected"]


def _not_all_failed(runs: list[Run]) -> list[str]:
    return [f"a run with {run.states} although a fault lasts" for run in runs if run.state != "failed"]


def _not_one_synced(runs: list[Run]) -> list[str]:
    """Of two runs for one slug the second is refused before it does anything."""
    failed = [run for run in runs if run.state != "success"]
    problems = [] if len(failed) == len(runs) - 1 else [f"{len(failed)} of {len(runs)} runs failed"]
    for run in failed:
        errors = [(item.place, item.error) for item in run.tries if item.error]
        place, error = errors[-1]
        if (place.step, error["reason"]) != ("accept_request", "InvalidRequest"):
            problems.append(f"{errors}")
    return problems
