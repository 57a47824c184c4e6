"""The `groundwork` command: what a person or a script does without Airflow's UI."""

from __future__ import annotations

import typer

from groundwork.cli import records_commands

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
records_commands.register(app)
