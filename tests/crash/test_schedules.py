"""Whatever goes wrong on the way, a run ends synced, or fails with a reason and without a false word.

Schedules of faults are drawn from a seed, which a failure prints: `--schedule-seed` draws the same again, and
`--schedules` more of them. They are played several at a time against a sandbox of their own, because some
restart the systems that all runs stand on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from sandbox.gitlab.faults import FaultClient

from .invariants import broken_after_failure, broken_after_success
from .reality import read
from .run import Run, TaskServer, Try
from .schedules import Player, Schedule, schedules
from .systems import Systems, systems_of

AT_ONCE = 5
# What a fault is about must not take the defaults' half minute; retries are what makes up for it. Flux's
# controllers need up to a minute or two to find back to a restarted API server.
QUICK = {"GROUNDWORK_HTTP_TIMEOUT": "5", "GROUNDWORK_GIT_TIMEOUT": "10", "GROUNDWORK_SYNC_DEADLINE": "240"}

# A schedule takes seconds and is never quite the same again: it is reported as it is, not made smaller.
DRAWN: dict[str, Any] = {
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}
Calm = Callable[[float], Awaitable[None]]


def _restart_flux(sandbox: Any) -> None:
    for name in FLUX:
        sandbox.stop(name)
    time.sleep(2)
    for name in FLUX:
        sandbox.start(name)


def _freeze_flux(sandbox: Any) -> None:
    for name in FLUX:
        sandbox.signal(name, "STOP")
    time.sleep(4)
    for name in FLUX:
        sandbox.signal(name, "CONT")


FLUX = ("source-controller", "kustomize-controller")
DISTURBANCES: dict[str, Callable[[Any], None]] = {
    "Postgres restarted": lambda sandbox: sandbox.restart("postgres"),
    "kube-apiserver restarted": lambda sandbox: sandbox.restart("kube-apiserver"),
    "Flux down": _restart_flux,
    "Flux slow": _freeze_flux,
}


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
        @settings(max_examples=-(-wanted // AT_ONCE), **DRAWN)
        @given(schedules())
        def ends_well(schedule: Schedule) -> None:
            played.append(schedule)
            problems = asyncio.run(_played(stage, schedule, new_request(*schedule.environments)))
            assert not problems, f"{schedule}: {problems} (seed {first}, thread {number})"

        ends_well()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        ended = [threads.submit(play, number) for number in range(AT_ONCE)]
    if failures := [failure for thread in ended if (failure := thread.exception())]:
        raise BaseExceptionGroup(f"{len(failures)} threads met a schedule that does not end well", failures)
    assert len(played) >= wanted


@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_runs_outlive_what_befalls_the_systems(
    stage: Stage,
    new_request: Callable[..., dict[str, Any]],
    request: pytest.FixtureRequest,
    disturbance: str,
) -> None:
    wanted, first = request.config.getoption("schedules"), request.config.getoption("schedule_seed")

    @seed(first)
    @settings(max_examples=max(1, wanted // 200), **DRAWN)
    @given(several=st.lists(schedules(), min_size=3, max_size=3), after=st.floats(0, 4))
    def outlive(several: list[Schedule], after: float) -> None:
        requests = [new_request(*schedule.environments) for schedule in several]
        problems = asyncio.run(_disturbed(stage, disturbance, after, several, requests))
        assert not problems, f"{disturbance} after {after} s of {several}: {problems} (seed {first})"

    outlive()


async def _disturbed(
    stage: Stage, disturbance: str, after: float, several: list[Schedule], requests: list[dict[str, Any]]
) -> list[str]:
    """What is wrong with any of several runs, during which something happened to a system."""
    over = asyncio.Event()

    async def disturb() -> None:
        await asyncio.sleep(after)
        await asyncio.to_thread(DISTURBANCES[disturbance], stage.sandbox)
        over.set()

    async def calm(pause: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), pause)

    played = (_played(stage, *pair, calm) for pair in zip(several, requests, strict=True))
    found, _ = await asyncio.gather(asyncio.gather(*played), disturb())
    return [problem for problems in found for problem in problems]


async def _undisturbed(_pause: float) -> None:
    return


async def _played(
    stage: Stage, schedule: Schedule, request: dict[str, Any], calm: Calm = _undisturbed
) -> list[str]:
    """What is wrong in the end; where a run failed, also what is wrong after it was run again."""
    players = [Player(faults) for faults in (schedule.faults, schedule.twin) if faults is not None]
    runs = [_run(stage, request, player, calm) for player in players]
    with schedule.switched(stage.control, request["slug"]):
        await asyncio.gather(*(run.complete() for run in runs))
    problems = [str(item) for run in runs for item in run.tries if _unexpected(item)]
    accepted = [run for run in runs if run.operation_id]
    problems += [_refusal(run) for run in runs if run not in accepted and not _is_refusal(run)]
    for run, player in zip(runs, players, strict=True):
        right = {"failed"} if schedule.push == "git_reject" else player.right_ends
        if run in accepted and run.state not in right:
            problems.append(f"{run.state}: {[str(item) for item in run.tries if item.error]}")
    found = await asyncio.to_thread(read, stage.systems, request["slug"])
    if any(run.state == "success" for run in accepted):
        return problems + broken_after_success(found, schedule.environments)
    problems += broken_after_failure(found)
    again = {**request, "project_id": str(found.projects[0]["id"])}
    healed = await _run(stage, again, Player(()), calm).complete()
    problems += [f"run again: {item}" for item in healed.tries if item.error]
    found = await asyncio.to_thread(read, stage.systems, request["slug"])
    return problems + broken_after_success(found, schedule.environments)


def _run(stage: Stage, request: dict[str, Any], player: Player, calm: Calm) -> Run:
    return Run(stage.server, stage.systems, request, player, QUICK, calm, in_one_process=True)


def _unexpected(ended: Try) -> bool:
    """Whether a try ended with an error that is not one of Groundwork's own."""
    return ended.error is not None and not ended.error["expected"]


def _is_refusal(run: Run) -> bool:
    """Whether a second run for a slug was told so, and did nothing."""
    last = run.tries[-1]
    return last.error is not None and last.error["reason"] in ("InvalidRequest", "ProjectBusy")


def _refusal(run: Run) -> str:
    return f"not accepted: {[str(item) for item in run.tries]}"
