"""A run of the DAG without Airflow: its tasks in their order, each in a process, retried as Airflow would.

The tasks, what they wait for and how often they are retried come from the DAG itself, and whether an error is
tried again is decided by the product's retry policy; only the pauses are shorter.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from .systems import Systems
from .wire import Action, Event, Script, Wire

HERE = Path(__file__).parent
INCLUDE = HERE.parents[1] / "include"
CATALOG = HERE / "catalog"
LONGEST_STEP = 120.0
_EXPANDS = "record_resources"
SECOND = 0.02
"""How long a second of a pause between two tries takes here."""


@dataclass(frozen=True)
class Task:
    """One task of the DAG. Delays are seconds."""

    task_id: str
    mapped: bool
    upstream: list[str]
    teardown: bool
    retries: int
    retry_delay: float
    backoff: float
    max_retry_delay: float

    @property
    def step(self) -> str:
        """The task's name without its group."""
        return self.task_id.rpartition(".")[2]

    def pause(self, try_number: int, asked: float | None) -> float:
        """Seconds until the next try: what the error asked for, or the task's own backoff."""
        own = self.retry_delay * self.backoff ** (try_number - 1)
        return min(own if asked is None else asked, self.max_retry_delay)


@dataclass(frozen=True)
class TaskServer:
    """A running `task_server.py`."""

    socket: Path
    tasks: list[Task]
    scratch: Path


@dataclass(frozen=True)
class Place:
    """One try of one task: where in a run something happens."""

    step: str
    environment: str
    try_number: int


@dataclass
class Try:
    """How one try of a task ended: `error` is None when it succeeded, and says `killed` when it was."""

    place: Place
    events: list[Event]
    error: dict[str, Any] | None = None


@dataclass
class Run:
    """One run and all that was seen of it; `scripts` gives the script of each try."""

    server: TaskServer
    systems: Systems
    request: dict[str, Any]
    scripts: Callable[[Place], Script]
    settings: dict[str, str] = field(default_factory=dict)
    calm: Callable[[], Awaitable[None]] | None = None
    run_id: str = field(default_factory=lambda: uuid4().hex)
    operation_id: str | None = None
    environments: list[str] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    _instances: dict[tuple[str, str], asyncio.Task[str]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """As Airflow derives it: a failed task, or one that could not run, fails the run."""
        return "success" if set(self.states.values()) == {"success"} else "failed"

    async def complete(self) -> Self:
        """Run everything to its end."""
        await asyncio.gather(*(self._ended(task.task_id) for task in self.server.tasks if not task.mapped))
        return self

    async def rerun(self, step: str, environment: str = "") -> str:
        """One task once more, as when it is cleared; its state."""
        [task] = [task for task in self.server.tasks if task.step == step]
        return await self._tried(task, environment)

    def _ended(self, task_id: str, scope: str = "") -> asyncio.Task[str]:
        """The end of one task, begun when it is first asked for."""
        if (task_id, scope) not in self._instances:
            [task] = [task for task in self.server.tasks if task.task_id == task_id]
            self._instances[task_id, scope] = asyncio.create_task(self._instance(task, scope))
        return self._instances[task_id, scope]

    async def _instance(self, task: Task, scope: str) -> str:
        before = {await ended for ended in [self._ended(name, at) for name, at in await self._before(task, scope)]}
        could = self.operation_id is not None if task.teardown else before <= {"success"}
        state = await self._tried(task, scope) if could else "upstream_failed"
        self.states[task.step, scope] = state
        return state

    async def _before(self, task: Task, scope: str) -> list[tuple[str, str]]:
        """What one task waits for; a task after mapped ones waits for each of them."""
        mapped = {item.task_id for item in self.server.tasks if item.mapped} & set(task.upstream)
        plain = [(name, "") for name in task.upstream if name not in mapped]
        if mapped and not task.mapped:
            await self._ended(_EXPANDS)
            return plain + [(name, each) for name in mapped for each in self.environments]
        return plain + [(name, scope) for name in mapped]

    async def _tried(self, task: Task, scope: str) -> str:
        for try_number in range(1, task.retries + 2):
            ended = await self._try(task, Place(task.step, scope, try_number))
            self.tries.append(ended)
            if ended.error is None:
                return "success"
            if ended.error["action"] == "fail":
                return "failed"
            await asyncio.sleep(task.pause(try_number, ended.error["delay"]) * SECOND)
            if self.calm is not None:
                await self.calm()
        return "failed"

    async def _try(self, task: Task, place: Place) -> Try:
        script, events = self.scripts(place), []

        def noted(event: Event) -> Action:
            events.append(event)
            return script(event)

        async with asyncio.timeout(LONGEST_STEP), Wire(self.systems, noted) as wire:
            answer = await self._process(wire, task, place)
        if answer is None:
            killed = {"action": "retry", "delay": None, "expected": True, "reason": "killed", "message": ""}
            return Try(place, events, killed)
        if "value" not in answer:
            return Try(place, events, answer)
        if place.step == "accept_request":
            self.operation_id = answer["value"]
        if place.step == "record_resources":
            self.environments = answer["value"]
        return Try(place, events)

    async def _process(self, wire: Wire, task: Task, place: Place) -> dict[str, Any] | None:
        """What the process of this try said in the end; None if it was killed."""
        job = {
            "step": place.step,
            "environment": place.environment,
            "operation_id": self.operation_id,
            "run_id": self.run_id,
            "request": self.request,
            "try_number": place.try_number,
            "max_tries": task.retries,
            "gitlab_url": self.systems.gitlab_url,
            "gitlab_token": self.systems.gitlab_token,
            "kubernetes_url": wire.kubernetes_url,
            "database_url": wire.database_url,
            "environ": {
                **self.settings,
                "http_proxy": wire.http_proxy,
                "no_proxy": "",
                "PGSSLMODE": "disable",
                "PGGSSENCMODE": "disable",
                "TMPDIR": str(self.server.scratch),
                "GROUNDWORK_CATALOG_PATHS": str(CATALOG),
            },
        }
        reader, writer = await asyncio.open_unix_connection(self.server.socket)
        try:
            writer.write(json.dumps(job).encode() + b"\n")
            wire.is_for(json.loads(await reader.readline())["pid"])
            writer.write(b"go\n")
            with contextlib.suppress(ConnectionResetError):
                last = await reader.readline()
                return json.loads(last) if last else None
            return None
        finally:
            writer.close()


@contextmanager
def task_server(folder: Path, environment: dict[str, str]) -> Iterator[TaskServer]:
    """A task server with its socket and scratch space in `folder`."""
    path, scratch = folder / "tasks", folder / "scratch"
    scratch.mkdir()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, str(HERE / "task_server.py"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**environment, "PYTHONPATH": str(INCLUDE), "AIRFLOW_HOME": str(folder / "airflow")},
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready, (folder / "log").read_text()
        yield TaskServer(path, [Task(**task) for task in json.loads(ready)], scratch)
        process.stdin.close()
