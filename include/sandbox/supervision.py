"""Runs the sandbox's programs under supervisord: the only module that knows it.

One daemon per state folder, controlled through a Unix socket. It restarts what dies and rotates its logs.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from sandbox.errors import ProgramFailed, Unhealthy, UnknownPart
from sandbox.health import wait_until
from sandbox.leftovers import MARK, end_leftovers
from sandbox.program import Program
from sandbox.state import State, write_private

_STOP_SECONDS = 15

_DAEMON = """\
[supervisord]
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=1
pidfile={root}/supervisord.pid
childlogdir={logs}
identifier=groundwork-sandbox

[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command={command}
environment={environment}
directory={root}
autostart=false
autorestart=true
startsecs=1
startretries=5
stopsignal={stop_signal}
stopasgroup={signal_group}
killasgroup=true
stopwaitsecs={stop_seconds}
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


@dataclass(frozen=True)
class ProcessInfo:
    """What the process manager knows about one program."""

    name: str
    state: str
    """supervisord's word: RUNNING, STARTING, STOPPED, BACKOFF, FATAL, EXITED …"""
    pid: int | None
    started: float
    """When it was last started, in seconds since the epoch."""
    description: str

    @property
    def up(self) -> bool:
        """Whether a process exists that is meant to stay."""
        return self.state in ("RUNNING", "STARTING")


class Supervisor:
    """The process manager of one sandbox."""

    def __init__(self, state: State, base_environment: Mapping[str, str]) -> None:
        self._state = state
        self.environment = dict(base_environment) | {MARK: str(state.root)}

    def is_running(self) -> bool:
        """Whether the daemon answers on its socket."""
        try:
            self._call("getState")
        except OSError:
            return False
        return True

    def configure(self, programs: Iterable[Program]) -> None:
        """Starts the daemon, or tells the running one about new, changed and gone programs."""
        write_private(self._config_file, self.render(programs))
        if not self.is_running():
            self._start_daemon()
            return
        added, changed, removed = self._call("reloadConfig")[0]
        self.stop([*changed, *removed])
        for name in (*changed, *removed):
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def start(self, name: str) -> None:
        """Starts a program without waiting for its health; nothing happens when it runs already."""
        self._on(name, "startProcess", ignore=Faults.ALREADY_STARTED)

    def stop(self, names: Iterable[str]) -> None:
        """Stops programs side by side and returns when all have ended."""
        stopping = list(names)
        for name in stopping:
            self._on(name, "stopProcess", ignore=Faults.NOT_RUNNING)

        def ended() -> None:
            left = [info.name for info in self.processes() if info.name in stopping and info.pid]
            if left:
                raise Unhealthy(f"{', '.join(left)} still running")

        wait_until(ended, seconds=_STOP_SECONDS + 5, what="stopping")

    def signal(self, name: str, signal_name: str) -> None:
        """Sends a signal, by name (`KILL`, `STOP` …), to a program's process."""
        try:
            self._call("signalProcess", name, signal_name)
        except Fault as fault:
            raise ProgramFailed(f"cannot send {signal_name} to {name}: {fault.faultString}") from fault

    def processes(self) -> list[ProcessInfo]:
        """All programs, in the order of the configuration; empty when the daemon does not run."""
        try:
            answers: list[dict[str, Any]] = self._call("getAllProcessInfo")
        except OSError:
            return []
        return [_process_info(answer) for answer in answers]

    def process(self, name: str) -> ProcessInfo:
        """One program; raises `UnknownPart` when there is none of that name."""
        for info in self.processes():
            if info.name == name:
                return info
        raise UnknownPart(f"no program called {name!r} in the sandbox {self._state.root}")

    def shutdown(self) -> None:
        """Ends the daemon, and with it every program that still runs, and whatever they left behind."""
        if self.is_running():
            self._call("shutdown")
            wait_until(self._is_gone, seconds=_STOP_SECONDS + 15, what="stopping the process manager")
        end_leftovers(self._state.root)

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a program's log."""
        log = self._state.logs / f"{name}.log"
        if not log.exists():
            return f"(no log at {log})"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def _config_file(self) -> Path:
        return self._state.root / "supervisord.conf"

    def _start_daemon(self) -> None:
        """Starts the daemon anew; whatever a killed one left running would hold ports, so it goes first."""
        end_leftovers(self._state.root)
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._config_file)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ProgramFailed(f"supervisord did not start: {done.stderr.strip() or done.stdout.strip()}")
        wait_until(self._answers, seconds=10, what="the process manager")

    def _answers(self) -> None:
        if not self.is_running():
            raise Unhealthy(f"no answer on {self._state.control_socket}")

    def _is_gone(self) -> None:
        pid_file = self._state.root / "supervisord.pid"
        if self.is_running() or pid_file.exists():
            raise Unhealthy("it still runs")

    def _on(self, name: str, method: str, *, ignore: int) -> None:
        try:
            self._call(method, name, False)
        except Fault as fault:
            if fault.faultCode == Faults.BAD_NAME:
                raise UnknownPart(f"no program called {name!r} in the sandbox {self._state.root}") from fault
            if fault.faultCode != ignore:
                raise ProgramFailed(f"{name}: {fault.faultString}\n{self.log_tail(name)}") from fault

    def _call(self, method: str, *arguments: object) -> Any:
        transport = SupervisorTransport("", "", f"unix://{self._state.control_socket}")
        with ServerProxy("http://sandbox", transport=transport) as server:
            return getattr(server.supervisor, method)(*arguments)

    def render(self, programs: Iterable[Program]) -> str:
        """supervisord's configuration for these programs."""
        sections = [
            _DAEMON.format(
                root=_escape(str(self._state.root)),
                logs=_escape(str(self._state.logs)),
                socket=_escape(str(self._state.control_socket)),
            )
        ]
        sections += [self._render_program(program) for program in programs]
        return "".join(sections)

    def _render_program(self, program: Program) -> str:
        command = list(program.command)
        if program.has_children:
            command = [
                sys.executable,
                "-m",
                "sandbox.leftovers",
                str(self._state.root),
                program.name,
                *command,
            ]
        return _PROGRAM.format(
            name=program.name,
            command=_escape(shlex.join(command)),
            environment=",".join(f"{key}={_quote(value)}" for key, value in program.environment.items()),
            root=_escape(str(self._state.root)),
            logs=_escape(str(self._state.logs)),
            stop_signal=program.stop_signal,
            signal_group=str(program.signal_group).lower(),
            stop_seconds=_STOP_SECONDS,
        )


def base_environment() -> dict[str, str]:
    """The caller's environment without what would steer the sandbox's programs behind its back."""
    steering = ("AIRFLOW", "GROUNDWORK_", "GIT_", "GITLAB_", "KUBE", "PG", "PYTHON", "SUPERVISOR_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(steering)}
    loopback = ["127.0.0.1", "localhost"]
    for key in ("NO_PROXY", "no_proxy"):
        kept[key] = ",".join([*filter(None, [os.environ.get(key)]), *loopback])
    kept["SPT_NOENV"] = "1"  # Airflow's setproctitle would overwrite the mark that leftovers are found by
    return kept


def _process_info(answer: Mapping[str, Any]) -> ProcessInfo:
    return ProcessInfo(
        name=answer["name"],
        state=answer["statename"],
        pid=answer["pid"] or None,
        started=answer["start"],
        description=answer["description"],
    )


def _escape(text: str) -> str:
    """supervisord expands `%(…)s` in its configuration."""
    return text.replace("%", "%%")


def _quote(value: str) -> str:
    """supervisord reads environment values in either kind of quotes, and knows no way to escape them."""
    mark = "'" if '"' in value else '"'
    if mark in value:
        raise ProgramFailed("a setting with both kinds of quotes cannot be handed to the process manager")
    return f"{mark}{_escape(value)}{mark}"
