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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from .systems import Systems
from .wire import Action, Event, Script, Wire

HERE = Path(__file__).parent
INCLUDE = HERE.parents[1] / "include"
CATALOG = HERE.parent / "catalog"
LONGEST_STEP = 300.0
_EXPANDING = ("record_resources", "record_removal")
_KILLED = {"action": "retry", "delay": None, "expected": True, "reason": "Killed", "message": "killed"}
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

    def __str__(self) -> str:
        where = f"{self.place.step}[{self.place.environment}] {self.place.try_number}"
        if self.error is None:
            return f"{where}: went well"
        told = "{action} {reason}: {message}".format(**self.error)
        return f"{where}: {told}" if self.error["expected"] else f"{where}: {told}\n{self.error['traceback']}"


@dataclass
class Run:
    """One run and all that was seen of it.

    `scripts` gives the script of each try. `calm` is waited for between two tries, for as long as the pause
    would be in earnest: restarting a system takes no less time here.
    """

    server: TaskServer
    systems: Systems
    request: dict[str, Any]
    scripts: Callable[[Place], Script]
    settings: dict[str, str] = field(default_factory=dict)
    calm: Callable[[float], Awaitable[None]] | None = None
    run_id: str = field(default_factory=lambda: uuid4().hex)
    operation_id: str | None = None
    environments: list[str] = field(default_factory=list)
    tries: list[Try] = field(default_factory=list)
    states: dict[tuple[str, str], str] = field(default_factory=dict)
    in_one_process: bool = False
    _kept: _Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _instances: dict[tuple[str, str], asyncio.Task[str]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """As Airflow derives it: a failed task, or one that could not run, fails the run."""
        return "success" if set(self.states.values()) == {"success"} else "failed"

    async def complete(self) -> Self:
        """Run everything to its end."""
        try:
            unmapped = [task.task_id for task in self.server.tasks if not task.mapped]
            await asyncio.gather(*(self._ended(task_id) for task_id in unmapped))
        finally:
            await self._leave()
        return self

    async def attempt(self, step: str, script: Script) -> Try:
        """One more try of a step of the whole project, apart from the run's course."""
        [task] = [task for task in self.server.tasks if task.step == step]
        return await self._try(task, Place(step, "", 1), script)

    async def clear(self, task_id: str) -> Self:
        """Run one task and all that come after it once more, as clearing it in Airflow does."""
        for task, scope in list(self._instances):
            if task == task_id or task_id in self._upstream(task):
                del self._instances[task, scope]
        return await self.complete()

    def _upstream(self, task_id: str) -> set[str]:
        """All tasks that come before this one."""
        [task] = [task for task in self.server.tasks if task.task_id == task_id]
        return set(task.upstream).union(*(self._upstream(name) for name in task.upstream))

    def _ended(self, task_id: str, scope: str = "") -> asyncio.Task[str]:
        """The end of one task, begun when it is first asked for."""
        if (task_id, scope) not in self._instances:
            [task] = [task for task in self.server.tasks if task.task_id == task_id]
            self._instances[task_id, scope] = asyncio.create_task(self._instance(task, scope))
        return self._instances[task_id, scope]

    async def _instance(self, task: Task, scope: str) -> str:
        ended = [self._ended(name, where) for name, where in await self._before(task, scope)]
        before = set(await asyncio.gather(*ended))
        could = self.operation_id is not None if task.teardown else before <= {"success"}
        state = await self._tried(task, scope) if could else "upstream_failed"
        self.states[task.step, scope] = state
        return state

    async def _before(self, task: Task, scope: str) -> list[tuple[str, str]]:
        """What one task waits for; a task after mapped ones waits for each, and for what says how many."""
        mapped = {item.task_id for item in self.server.tasks if item.mapped} & set(task.upstream)
        plain = [(name, "") for name in task.upstream if name not in mapped]
        if mapped and not task.mapped:
            expanding = next(item.task_id for item in self.server.tasks if item.step in _EXPANDING)
            await self._ended(expanding)
            each = [(name, scope) for name in mapped for scope in self.environments]
            return [*plain, (expanding, ""), *each]
        return plain + [(name, scope) for name in mapped]

    async def _tried(self, task: Task, scope: str) -> str:
        for try_number in range(1, task.retries + 2):
            place = Place(task.step, scope, try_number)
            ended = await self._try(task, place, self.scripts(place))
            self.tries.append(ended)
            if ended.error is None:
                return "success"
            if ended.error["action"] == "fail":
                return "failed"
            pause = task.pause(try_number, ended.error["delay"])
            # Whom a step waits for is as slow here as anywhere.
            await asyncio.sleep(pause if ended.error["reason"] == "Waiting" else pause * SECOND)
            if self.calm is not None:
                await self.calm(pause)
        return "failed"

    async def _try(self, task: Task, place: Place, script: Script) -> Try:
        events: list[Event] = []

        def noted(event: Event) -> Action:
            events.append(event)
            return script(event)

        async with asyncio.timeout(LONGEST_STEP), self._process(noted) as process:
            answer = await process.do(self._job(task, place))
        if "value" not in answer:
            return Try(place, events, answer)
        if place.step == "accept_request":
            self.operation_id = answer["value"]
        if place.step in _EXPANDING:
            self.environments = answer["value"]
        return Try(place, events)

    def _job(self, task: Task, place: Place) -> dict[str, Any]:
        return {
            "step": place.step,
            "environment": place.environment,
            "operation_id": self.operation_id,
            "run_id": self.run_id,
            "request": self.request,
            "try_number": place.try_number,
            "max_tries": task.retries,
        }

    @asynccontextmanager
    async def _process(self, script: Script) -> AsyncIterator[_Process]:
        """A process of its own, or the one of the tries before as long as those went well."""
        if not self.in_one_process:
            async with _Process(self.server, self.systems, self.settings, script) as process:
                yield process
            return
        async with self._turn:
            if self._kept is None:
                self._kept = await _Process(self.server, self.systems, self.settings, script).__aenter__()
            self._kept.wire.script = script
            yield self._kept
            if self._kept.failed:
                await self._leave()

    async def _leave(self) -> None:
        if self._kept is not None:
            await self._kept.__aexit__(None, None, None)
            self._kept = None


class _Process:
    """One process of the task server, with its own wire."""

    def __init__(
        self, server: TaskServer, systems: Systems, settings: dict[str, str], script: Script
    ) -> None:
        self._server = server
        self._systems = systems
        self._settings = settings
        self.wire = Wire(systems, script)
        self.failed = False

    async def __aenter__(self) -> Self:
        await self.wire.__aenter__()
        self._reader, self._writer = await asyncio.open_unix_connection(self._server.socket)
        self.wire.is_for(json.loads(await self._reader.readline())["pid"])
        self._say(
            {
                "gitlab_url": self._systems.gitlab_url,
                "gitlab_token": self._systems.gitlab_token,
                "kubernetes_url": self.wire.kubernetes_url,
                "database_url": self.wire.database_url,
                "environ": {
                    **self._settings,
                    "http_proxy": self.wire.http_proxy,
                    "no_proxy": "",
                    "PGSSLMODE": "disable",
                    "PGGSSENCMODE": "disable",
                    "TMPDIR": str(self._server.scratch),
                    "GROUNDWORK_CATALOG_PATHS": str(CATALOG),
                    "GROUNDWORK_KUBECTL": self._systems.kubectl,
                },
            }
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.close()
        await self.wire.__aexit__(kind, error, traceback)

    async def do(self, job: dict[str, Any]) -> dict[str, Any]:
        """What came of a job."""
        self._say(job)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = await self._reader.readline()
        found: dict[str, Any] = json.loads(answer) if answer else _KILLED
        self.failed = "value" not in found
        return found

    def _say(self, content: dict[str, Any]) -> None:
        self._writer.write(json.dumps(content).encode() + b"\n")


@contextmanager
def task_server(
    folder: Path, environment: dict[str, str], dag_id: str = "initialize_project"
) -> Iterator[TaskServer]:
    """A task server of one DAG, with its socket and scratch space in `folder`."""
    path, scratch = folder / "tasks", folder / "scratch"
    scratch.mkdir()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, str(HERE / "task_server.py"), str(path), dag_id],
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
