"""Shows how far a build is: a bar with an estimate on a terminal, a line per tenth elsewhere."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class BuildProgress:
    """Context manager that counts the steps of one phase after the other."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""
        self._total = 0
        self._done = 0
        self._begun = 0.0

    def __enter__(self) -> BuildProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def phase(self, name: str, *, total: int) -> None:
        """Begins a phase of about `total` steps."""
        if self._task is not None:
            self._bar.update(self._task, completed=self._total)
        self._name, self._total, self._done = name, total, 0
        self._begun = time.monotonic()
        self._task = self._bar.add_task(name, total=total)

    def step(self, _line: str) -> None:
        """Counts one step: a line that the tool printed."""
        self._done += 1
        if self._task is not None:
            self._bar.advance(self._task)
        if not self._console.is_terminal and self._done % max(self._total // 10, 1) == 0:
            self._console.print(f"  {self._name}: {self._done} of {self._total}, {self._left()}")

    def _left(self) -> str:
        left = (time.monotonic() - self._begun) / self._done * max(self._total - self._done, 0)
        return f"about {math.ceil(left / 60)} min left"
