"""The `groundwork-sandbox` command.

Exit codes: 0 done (for `status`: everything is healthy), 1 something failed or is not healthy, 2 wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from sandbox.control_plane.build import ensure_built
from sandbox.errors import SandboxError
from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

_StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir", envvar="GROUNDWORK_SANDBOX_DIR", help="State folder; default: .sandbox in the clone."
    ),
]
_errors = Console(stderr=True)


@app.command()
def up(
    state_dir: _StateDir = None,
    part: Annotated[list[str] | None, typer.Option(help="Start this part only; may be repeated.")] = None,
) -> None:
    """Start the sandbox, or what of it does not run; returns when everything is healthy."""
    with _friendly():
        sandbox = _sandbox(state_dir)
        _errors.print(f"Starting the sandbox in {sandbox.state.root}", highlight=False, soft_wrap=True)
        sandbox.up(part)
        if part is None:
            _errors.print(
                f"Everything is healthy; addresses and credentials: {sandbox.state.env_file}", soft_wrap=True
            )


@app.command()
def down(state_dir: _StateDir = None) -> None:
    """Stop the sandbox and keep its state."""
    with _friendly():
        _sandbox(state_dir).down()


@app.command()
def destroy(state_dir: _StateDir = None) -> None:
    """Stop the sandbox and remove its state."""
    with _friendly():
        _sandbox(state_dir).destroy()


@app.command()
def status(
    state_dir: _StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show each program with its health, process id and address."""
    with _friendly():
        rows = _sandbox(state_dir).status()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        table = Table(box=None)
        for heading in ("part", "program", "health", "pid", "address"):
            table.add_column(heading, no_wrap=True, overflow="ignore")
        for row in rows:
            health = f"healthy, {row.detail}" if row.healthy else f"[red]{row.detail}[/red]"
            table.add_row(row.part, row.name, health, str(row.pid or ""), row.url)
        console = Console()
        console.width = max(console.width, 130)
        console.print(table if rows else "No sandbox has been started here; `make up` does.")
    if not rows or not all(row.healthy for row in rows):
        raise typer.Exit(1)


@app.command()
def restart(name: str, state_dir: _StateDir = None) -> None:
    """Restart one program and wait until it is healthy."""
    with _friendly():
        _sandbox(state_dir).restart(name)


@app.command()
def build() -> None:
    """Build the control plane into the cache, without starting anything."""
    with _friendly():
        ensure_built(Settings().cache_dir, _errors)


@app.command()
def gitlab(
    state_dir: Annotated[Path, typer.Option(help="Folder that keeps everything; made if absent.")],
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)] = 8080,
    external_url: Annotated[str, typer.Option(help="Base of URLs in answers; the address if absent.")] = "",
) -> None:
    """Run the GitLab server alone, in the foreground (docs/gitlab-server.md)."""
    from sandbox.gitlab.cli import serve  # takes a second to import: only who runs it pays for it

    serve(state_dir, port, external_url=external_url)


def _sandbox(state_dir: Path | None) -> Sandbox:
    settings = Settings() if state_dir is None else Settings(sandbox_dir=state_dir)
    return Sandbox(settings, _errors)


@contextmanager
def _friendly() -> Iterator[None]:
    """Shows what went wrong as text instead of a traceback."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            _errors.print(f"error: {problem['msg']}", style="red", highlight=False, markup=False)
        raise typer.Exit(2) from error
    except SandboxError as error:
        notes = getattr(error, "__notes__", [])
        _errors.print("\n".join([f"error: {error}", *notes]), style="red", highlight=False, markup=False)
        raise typer.Exit(1) from error
