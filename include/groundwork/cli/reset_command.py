"""`reset-database`: empty Groundwork's records for a fresh start."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import (
    FAILED,
    WRONG_USE,
    Json,
    console,
    error_console,
    failing_clearly,
    say,
    show,
    table,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from groundwork.records.reset import Survey

_NAMED = 10


def register(app: typer.Typer) -> None:
    app.command("reset-database")(reset_database)


@failing_clearly
def reset_database(
    database: Annotated[
        str | None, typer.Option(help="The database's name, to show that this one is meant.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Empty Groundwork's records: projects, history, organizations, users, environments. Nothing else.

    Without --database it only shows what would go, and which repositories and namespaces would be orphans:
    these stay as they are, with nothing left that tells of them. Airflow's own tables are never touched.
    """
    from groundwork.records.reset import reset, survey

    url = connect.database_url()
    found = survey(url)
    if database is None:
        show(_as_json(found, emptied=False), _drawn(found), as_json=as_json)
        say(f"Nothing was changed. To empty it: --database {found.database}", error_console)
        raise typer.Exit(WRONG_USE)
    if database == found.database and not yes:
        say(_drawn(found), error_console if as_json else console)
        _ask(found)
    gone = reset(url, database, _actor())
    rows = sum(gone.rows.values())
    told = f"Database '{gone.database}' is empty: {rows} rows are gone. `groundwork seed` begins anew."
    show(_as_json(gone, emptied=True), told, as_json=as_json)


def _ask(found: Survey) -> None:
    if not sys.stdin.isatty():
        say("Nothing was changed: give --yes where nobody can be asked.", error_console)
        raise typer.Exit(WRONG_USE)
    if not typer.confirm(f"Empty database '{found.database}'?", err=True):
        say("Nothing was changed.", error_console)
        raise typer.Exit(FAILED)


def _actor() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unknown"


def _as_json(found: Survey, *, emptied: bool) -> dict[str, Any]:
    return {
        "database": found.database,
        "emptied": emptied,
        "rows": found.rows,
        "orphans": {"repositories": found.repositories, "namespaces": found.namespaces},
        "at_work": found.held,
    }


def _drawn(found: Survey) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    rows = table("table", "rows that would go")
    for name, number in found.rows.items():
        rows.add_row(name, str(number))
    parts: list[RenderableType] = [Text(f"Database '{found.database}'", style="bold"), rows]
    for what, names in (("repositories in GitLab", found.repositories), ("namespaces", found.namespaces)):
        shown = "".join(f"\n  {name}" for name in names[:_NAMED])
        more = f"\n  and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        parts.append(Text(f"\n{len(names)} {what} would be orphans, and stay:{shown}{more}"))
    if found.held:
        parts.append(
            Text(f"\nStill at work, so nothing can be emptied: {', '.join(found.held)}", style="red")
        )
    return Group(*parts)
