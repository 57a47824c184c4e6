"""One sandbox as a whole: up, down, destroy, its status, and control over single programs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sandbox.errors import ProgramFailed, SandboxError, Unhealthy, UnknownPart
from sandbox.flow import Step, dependants_first, run_in_order
from sandbox.health import wait_until
from sandbox.parts import Parts
from sandbox.ports import Ports
from sandbox.program import Part, Program
from sandbox.settings import Settings
from sandbox.state import State, write_private
from sandbox.supervision import ProcessInfo, Supervisor, base_environment


@dataclass(frozen=True)
class ProgramStatus:
    """What `status` tells about one program, or about an external system in a part's place."""

    part: str
    name: str
    healthy: bool
    detail: str
    """The reason when it is not healthy, the time it has been running when it is."""
    pid: int | None
    url: str


class Sandbox:
    """The sandbox in one state folder, whether it runs or not."""

    def __init__(self, settings: Settings, console: Console | None = None) -> None:
        self._abandoned = threading.Event()
        self._console = console or Console(stderr=True)
        self.state = State(settings.sandbox_dir)
        environment = base_environment()
        self._ports = Ports(self.state.root, settings.cache_dir / "ports.json")
        self._supervisor = Supervisor(self.state, environment)
        self.parts = Parts(self.state, self._ports, settings, environment, self._console)

    def up(self, parts: Iterable[str] | None = None, *, until_exit_of: int | None = None) -> None:
        """Makes the named parts (all of them by default) run and be healthy; changes nothing when they are.

        With `until_exit_of` the sandbox, state included, is removed as soon as that process is gone.
        Raises a `SandboxError` that names the part, the reason and the end of its log.
        """
        selected = self.parts.select(parts)
        self.state.create()
        with self.state.lock:
            self._reserve_ports()
            for part in selected:
                part.prepare()
            self._supervisor.configure(self._programs())
            if until_exit_of is not None:
                self._bind_to(until_exit_of)
            steps: list[Step] = []
            for part in selected:
                steps += [*part.programs(), *part.tasks()]
            self._abandoned.clear()
            run_in_order(steps, self._act, self._report, self._abandoned)
            if parts is None:
                lines = [f"{key}={value}\n" for key, value in self.parts.env().items()]
                write_private(self.state.env_file, "".join(lines))

    def down(self) -> None:
        """Stops everything and leaves the state; nothing happens when nothing runs."""
        if not self.state.root.exists():
            return
        with self.state.lock:
            running = {info.name for info in self._supervisor.processes() if info.up}
            if running:
                tasks = [task for part in self.parts for task in part.tasks()]
                for wave in dependants_first(self._programs(), tasks):
                    self._supervisor.stop(name for name in wave if name in running)
            self._supervisor.shutdown()

    def destroy(self) -> None:
        """Stops everything, then removes the state folder and gives its ports back."""
        self.down()
        if self.state.root.exists():
            shutil.rmtree(self.state.root)
        self.state.control_socket.unlink(missing_ok=True)
        self._ports.release()

    def status(self) -> list[ProgramStatus]:
        """Every program with its health, and each external system."""
        if not self._ports.known:
            return []
        infos = {info.name: info for info in self._supervisor.processes()}
        found: list[ProgramStatus] = []
        for part in self.parts:
            if external := part.external():
                reason = _reason(external.check)
                detail = reason or "not ours"
                found.append(ProgramStatus(part.name, "external", not reason, detail, None, external.url))
            found += [_status(part, program, infos.get(program.name)) for program in part.programs()]
        return found

    def start(self, name: str) -> None:
        """Starts one program and waits until it is healthy."""
        self._act(self._program(name))

    def stop(self, name: str) -> None:
        """Stops one program; it stays stopped until it is started."""
        self._supervisor.stop([self._program(name).name])

    def restart(self, name: str) -> None:
        """Stops one program, starts it and waits until it is healthy."""
        self.stop(name)
        self.start(name)

    def signal(self, name: str, signal_name: str) -> None:
        """Sends a signal, by name (`KILL`, `STOP`, `CONT` …), to one program's process."""
        self._supervisor.signal(self._program(name).name, signal_name)

    def pid(self, name: str) -> int | None:
        """Process id of one program, None while it does not run."""
        return self._supervisor.process(name).pid

    def log(self, name: str) -> Path:
        """Log file of one program."""
        return self.state.logs / f"{self._program(name).name}.log"

    def wait_healthy(self, name: str) -> None:
        """Waits until one program is healthy, such as after the process manager had to restart it."""
        self._wait(self._program(name))

    def _programs(self) -> list[Program]:
        return [program for part in self.parts for program in part.programs()]

    def _program(self, name: str) -> Program:
        for program in self._programs() if self._ports.known else ():
            if program.name == name:
                return program
        raise UnknownPart(f"the sandbox has no program called {name!r}")

    def _reserve_ports(self) -> None:
        running = {info.name for info in self._supervisor.processes() if info.pid}
        by_program = {name: ports for part in self.parts for name, ports in part.ports.items()}
        ours = [port for name in running for port in by_program.get(name, ())]
        self._ports.reserve([port for ports in by_program.values() for port in ports], ours)

    def _act(self, step: Step) -> None:
        try:
            if isinstance(step, Program):
                self._supervisor.start(step.name)
                self._wait(step)
            else:
                step.run()
        except SandboxError as error:
            error.add_note(f"while starting: {step.name}")
            raise

    def _wait(self, program: Program) -> None:
        def check() -> None:
            info = self._supervisor.process(program.name)
            if info.state == "FATAL":
                raise ProgramFailed(
                    f"{program.name} keeps ending:\n{self._supervisor.log_tail(program.name)}"
                )
            if not info.up:
                raise Unhealthy(f"it is {info.state.lower()}")
            program.probe(info.started)

        try:
            wait_until(check, seconds=program.healthy_within, what=program.name, abandoned=self._abandoned)
        except Unhealthy as error:
            raise Unhealthy(f"{error}\n{self._supervisor.log_tail(program.name)}") from error

    def _report(self, name: str, seconds: float) -> None:
        self._console.print(f"  {name:<28} {seconds:5.1f} s", highlight=False)

    def _bind_to(self, process: int) -> None:
        """Leaves a watchdog behind that outlives this process, and that `down` finds and ends."""
        owner = self.state.root / "owner"
        if owner.exists() and owner.read_text() == str(process):
            return
        command = [sys.executable, "-m", "sandbox.watchdog", str(self.state.root), str(process)]
        with (self.state.logs / "watchdog.log").open("a") as log:
            subprocess.run(
                command,
                env=self._supervisor.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        owner.write_text(str(process))


def _status(part: Part, program: Program, info: ProcessInfo | None) -> ProgramStatus:
    if info is None or not info.up:
        state = info.state.lower() if info else "stopped"
        return ProgramStatus(part.name, program.name, False, state, None, program.url)
    reason = _reason(lambda: program.probe(info.started))
    detail = reason or info.description.partition(", ")[2]
    return ProgramStatus(part.name, program.name, not reason, detail, info.pid, program.url)


def _reason(check: Callable[[], None]) -> str:
    """Why a check fails; empty when it passes."""
    try:
        check()
    except SandboxError as error:
        return str(error)
    return ""
