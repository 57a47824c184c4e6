"""How every command speaks: text or JSON on standard output, errors on standard error, exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundwork.errors import (
    GroundworkError,
    InvalidRequest,
    Misconfigured,
    PreflightFailed,
    Problem,
    TemporaryError,
)

FAILED = 1
WRONG_USE = 2
TRY_AGAIN = 3
INTERRUPTED = 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 failed: a permanent error, or a run that failed; 2 wrong use: options, or a"
    " request that breaks a rule, so that nothing was started; 3 a temporary error: the same command may"
    " succeed later; 130 interrupted from the keyboard."
)

_UNLIMITED = 240  # columns for files and pipes, which have no width of their own
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
P = ParamSpec("P")
R = TypeVar("R")

console = Console(width=None if sys.stdout.isatty() else _UNLIMITED)
error_console = Console(stderr=True)


def show(value: Any, text: Any, *, as_json: bool) -> None:
    """Print `value` as JSON, or `text` (a string or a rich renderable) for a person."""
    if as_json:
        typer.echo(json.dumps(value, indent=2, default=str))
        return
    say(text)


def say(text: Any, to: Console | None = None) -> None:
    """Print for a person: a string as it is, a rich renderable as it is drawn."""
    (to or console).print(text, markup=False, highlight=False, soft_wrap=isinstance(text, str | Text))


def table(*headings: str) -> Table:
    """An empty table in the one style of all commands."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def facts(known: Mapping[str, str]) -> Table:
    """Names and values below each other."""
    made = table("", "")
    made.show_header = False
    for name, value in known.items():
        made.add_row(name, value)
    return made


def failing_clearly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn Groundwork's errors into a message on standard error and an exit code.

    One line per problem, or with `--json` an object `{"error": {"reason", "message", "problems"}}`.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except ValidationError as invalid:
            error: GroundworkError = _wrong_setting(invalid)
        except GroundworkError as raised:
            error = raised
        report(error, as_json=bool(kwargs.get("as_json")))
        raise typer.Exit(exit_code(error)) from None

    return wrapped


def report(error: GroundworkError, *, as_json: bool = False) -> None:
    """Print an error on standard error."""
    problems = error.problems if isinstance(error, InvalidRequest | PreflightFailed) else []
    if as_json:
        told = {
            "reason": error.reason,
            "message": error.message,
            "problems": [vars(item) for item in problems],
        }
        typer.echo(json.dumps({"error": told}, indent=2), err=True)
        return
    lines = [str(item) for item in problems] or [f"{error.reason}: {error.message}"]
    for line in lines:
        say(Text(line, style="red"), error_console)


def exit_code(error: GroundworkError) -> int:
    """The exit code for an error that ended a command."""
    if isinstance(error, TemporaryError):
        return TRY_AGAIN
    return WRONG_USE if isinstance(error, InvalidRequest) else FAILED


def age(since: datetime) -> str:
    """How long ago, in the largest unit that fits: `45s`, `12m`, `3h`, `8d`."""
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _wrong_setting(error: ValidationError) -> Misconfigured:
    problems = [
        Problem(f"GROUNDWORK_{'.'.join(map(str, item['loc'])).upper()}", item["msg"])
        for item in error.errors(include_url=False, include_input=False)
    ]
    return Misconfigured("; ".join(map(str, problems)))
