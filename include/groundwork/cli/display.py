"""Shows a run's progress while it is followed: a live table on a terminal, elsewhere a line per change."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from groundwork.cli.output import say, table
from groundwork.cli.progress import Cell, Progress, State, changes

_STEP_WIDTH = 26
_COLUMN_WIDTH = 14
_STYLES = {
    State.DONE: "green",
    State.FAILED: "bold red",
    State.RUNNING: "cyan",
    State.WAITING: "cyan",
    State.RETRYING: "yellow",
}


class Display(Protocol):
    """Takes each new look at the run."""

    def show(self, progress: Progress) -> None: ...

    def shown(self) -> AbstractContextManager[object]:
        """Holds while the run is followed."""


def display(console: Console, environments: int) -> Display:
    """The display that fits the console and this many environments."""
    fits = _STEP_WIDTH + (1 + environments) * (_COLUMN_WIDTH + 2) <= console.width
    return TableDisplay(console) if console.is_terminal and fits else LineDisplay(console)


class LineDisplay:
    """One line per step that was done, failed, began to wait or is tried again."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Progress | None = None

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def show(self, progress: Progress) -> None:
        now = datetime.now(UTC)
        for cell in changes(self._last, progress):
            name = cell.step if cell.environment is None else f"{cell.step} ({cell.environment})"
            say(f"{progress.elapsed(now):6.1f} s  {name:<36} {_state(cell, now)}", self._console)
        self._last = progress


class TableDisplay:
    """One line per step, environments side by side, redrawn several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Progress | None = None

    def shown(self) -> AbstractContextManager[object]:
        return Live(self, console=self._console, refresh_per_second=5)

    def show(self, progress: Progress) -> None:
        self._last = progress

    def __rich__(self) -> RenderableType:
        if self._last is None:
            return Text("Waiting for Airflow ...")
        now = datetime.now(UTC)
        drawn = table(f"{self._last.elapsed(now):.1f} s", "project", *self._last.environments)
        for narrow in drawn.columns[1:]:
            narrow.min_width = _COLUMN_WIDTH
        for step in self._last.steps:
            columns = (None, *self._last.environments)
            drawn.add_row(step, *(_text(self._last.cell(step, column), now) for column in columns))
        return drawn


def _text(cell: Cell | None, now: datetime) -> Text:
    return Text(_state(cell, now), style=_STYLES.get(cell.state, "dim")) if cell else Text("")


def _state(cell: Cell, now: datetime) -> str:
    seconds = cell.seconds(now)
    return cell.state if seconds is None else f"{cell.state} {seconds:.1f} s"
