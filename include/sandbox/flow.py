"""Starts programs and runs tasks in the order their dependencies ask for, side by side where it can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from sandbox.program import Program, Task

Step = Program | Task
Report = Callable[[str, float], None]
"""Told the name of each finished step and the seconds it took."""


def run_in_order(
    steps: Iterable[Step], act: Callable[[Step], None], report: Report, abandoned: threading.Event
) -> None:
    """Calls `act` for every step after those it depends on.

    Dependencies that are not among the steps count as done. After the first error or interrupt no
    further step is begun and `abandoned` is set for those under way; it is raised when they have ended.
    """
    by_name = {step.name: step for step in steps}
    order = _sorter(by_name)
    with ThreadPoolExecutor(max_workers=len(by_name) or 1) as pool:
        running: dict[Future[float], str] = {}
        try:
            while order.is_active():
                for name in order.get_ready():
                    running[pool.submit(_timed, act, by_name[name])] = name
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    report(name, future.result())
                    order.done(name)
        except BaseException:
            abandoned.set()
            raise


def dependants_first(programs: Iterable[Program], tasks: Iterable[Task]) -> list[list[str]]:
    """The programs' names in waves for stopping: each wave holds those that no later wave depends on."""
    steps: list[Step] = [*programs, *tasks]
    by_name = {step.name: step for step in steps}
    order = _sorter(by_name)
    waves: list[list[str]] = []
    while order.is_active():
        ready = order.get_ready()
        waves.append([name for name in ready if isinstance(by_name[name], Program)])
        order.done(*ready)
    return [wave for wave in reversed(waves) if wave]


def _sorter(by_name: Mapping[str, Step]) -> TopologicalSorter[str]:
    order = TopologicalSorter(
        {name: [before for before in step.after if before in by_name] for name, step in by_name.items()}
    )
    order.prepare()
    return order


def _timed(act: Callable[[Step], None], step: Step) -> float:
    begun = time.monotonic()
    act(step)
    return time.monotonic() - begun
