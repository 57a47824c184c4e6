"""How every command speaks: text or JSON on standard output, errors on standard error, exit codes.

Exit codes: 0 done; 1 a permanent error, or a run that failed; 2 wrong use; 3 a temporary error:
the same command may succeed later.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console

from groundwork.errors import GroundworkError, Misconfigured, TemporaryError
from groundwork.settings import get_settings

FAILED = 1
TRY_AGAIN = 3
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
P = ParamSpec("P")
R = TypeVar("R")

console = Console()
_errors = Console(stderr=True)


def show(value: Any, text: Any, *, as_json: bool) -> None:
    """Print `value` as JSON, or `text` (a string or a rich renderable) for a person."""
    if as_json:
        typer.echo(json.dumps(value, indent=2, default=str))
        return
    console.print(text)


def failing_clearly(command: Callable[P, R]) -> Callable[P, R]:
    """Turn Groundwork's errors into a message on standard error and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except GroundworkError as error:
            _errors.print(f"{error.reason}: {error.message}", style="red", markup=False, highlight=False)
            raise typer.Exit(TRY_AGAIN if isinstance(error, TemporaryError) else FAILED) from error

    return wrapped


def database_url() -> str:
    """The database of the records. Raises `Misconfigured` when it is not set."""
    url = get_settings().database_url
    if url is None:
        raise Misconfigured("Set GROUNDWORK_DATABASE_URL to the URL of Groundwork's database.")
    return url.get_secret_value()
