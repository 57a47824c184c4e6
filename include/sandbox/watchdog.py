"""Removes a sandbox when the process it was made for is gone, however that ended.

Started by `Sandbox.up(until_exit_of=…)` as `python -m sandbox.watchdog STATE PROCESS`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings


def main(arguments: list[str]) -> None:
    """Leaves a process in the background that waits for the other one to end, then removes the sandbox."""
    state, process = arguments
    if os.fork():
        return
    os.setsid()
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(process)).wait()
    Sandbox(Settings(sandbox_dir=Path(state))).destroy()


if __name__ == "__main__":
    main(sys.argv[1:])
