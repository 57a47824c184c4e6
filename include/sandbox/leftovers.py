"""Ends processes that outlived the sandbox that started them, found by a mark in their environment.

Started as `python -m sandbox.leftovers STATE PROGRAM COMMAND…` it ends what an earlier run of that program
left behind (Airflow's workers survive a killed scheduler) and then becomes the command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "GROUNDWORK_SANDBOX_STATE"
"""Environment variable of every process of a sandbox: its state folder."""

_PROGRAM_MARK = "GROUNDWORK_SANDBOX_PROGRAM"
_GRACE_SECONDS = 3


def end_leftovers(state: Path, program: str | None = None) -> None:
    """Ends every process of the sandbox, or of one of its programs, save this one and its ancestors."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = [
        process
        for process in psutil.process_iter()
        if process.pid not in spared and _is_marked(process, str(state), program)
    ]
    for process in found:
        _end(process, psutil.Process.terminate)
    _, stubborn = psutil.wait_procs(found, timeout=_GRACE_SECONDS)
    for process in stubborn:
        _end(process, psutil.Process.kill)
    psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)


def _is_marked(process: psutil.Process, state: str, program: str | None) -> bool:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return False
    if environment.get(MARK) != state:
        return False
    return program is None or environment.get(_PROGRAM_MARK) == program


def _end(process: psutil.Process, how: Callable[[psutil.Process], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        how(process)


def main(arguments: list[str]) -> None:
    """Clears up after the program, then replaces this process with its command."""
    state, program, *command = arguments
    end_leftovers(Path(state), program)
    os.execvpe(command[0], command, os.environ | {_PROGRAM_MARK: program})  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
