"""The `groundwork` command: what a person or a script does without Airflow's UI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundwork.cli import (
    catalog_commands,
    demo_command,
    diagnose_command,
    history_command,
    plan_command,
    records_commands,
    request_commands,
    reset_command,
    status_command,
)
from groundwork.cli.output import EXIT_CODES, failing_clearly
from groundwork.settings import env_file as default_env_file
from groundwork.settings import use_env_file

_HELP = """Ask for projects, follow them while they are made, and see how they stand."""

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=_HELP, epilog=EXIT_CODES
)
request_commands.register(app)
plan_command.register(app)
status_command.register(app)
catalog_commands.register(app)
records_commands.register(app)
demo_command.register(app)
diagnose_command.register(app)
history_command.register(app)
reset_command.register(app)


@app.callback()
@failing_clearly
def settings(
    env_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            help="File with AIRFLOW_URL, AIRFLOW_USER, AIRFLOW_PASSWORD and DATABASE_URL as KEY=value lines;"
            " GROUNDWORK_* environment variables win over it. Default: .sandbox/env, if it is there.",
        ),
    ] = None,
) -> None:
    use_env_file(env_file or default_env_file())
