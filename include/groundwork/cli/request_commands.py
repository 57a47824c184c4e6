"""`request` and `follow`: ask for a project, and watch it being made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import (
    FAILED,
    INTERRUPTED,
    Json,
    console,
    error_console,
    failing_clearly,
    say,
    show,
)
from groundwork.cli.request_options import takes_request
from groundwork.errors import TemporaryError

if TYPE_CHECKING:
    from groundwork.cli.outcome import Outcome
    from groundwork.clients.airflow import Airflow, Run


def register(app: typer.Typer) -> None:
    app.command()(request)
    app.command()(follow)


@failing_clearly
@takes_request
def request(
    values: dict[str, Any],
    run_id: Annotated[
        str | None,
        typer.Option(help="Id for the run. The same request under the same id starts nothing a second time."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the run until it ends.")] = True,
    as_json: Json = False,
) -> None:
    """Ask for a project, by options or a file, and follow the run that makes it."""
    with connect.airflow() as airflow:
        started = begin(airflow, values, run_id)
        if wait:
            finish(see_through(airflow, started, as_json=as_json), as_json=as_json)
            return
        url = airflow.run_url(started.dag_id, started.run_id)
    show(
        {"run_id": started.run_id, "dag_id": started.dag_id, "state": started.state, "url": url},
        f"Run {started.run_id} was started: {url}",
        as_json=as_json,
    )


@failing_clearly
def follow(
    run_id: Annotated[str, typer.Argument(help="Id of the run, as `request` prints it.")],
    as_json: Json = False,
) -> None:
    """Follow a run that was started before."""
    with connect.airflow() as airflow:
        run = airflow.run(connect.INITIALIZE_PROJECT, run_id)
        finish(see_through(airflow, run, as_json=as_json), as_json=as_json)


def begin(airflow: Airflow, values: dict[str, Any], run_id: str | None = None) -> Run:
    """Start the run of a checked request."""
    from groundwork.cli import runs

    return runs.start(airflow, values, run_id)


def see_through(airflow: Airflow, run: Run, *, as_json: bool) -> Outcome:
    """Show the run's progress until it ends, and say what became of it.

    An interrupt, or an Airflow that is gone for long, ends the watching and not the run.
    """
    from groundwork.cli import runs
    from groundwork.cli.outcome import outcome

    shown_on = error_console if as_json else console
    say(f"Run {run.run_id}\n{airflow.run_url(run.dag_id, run.run_id)}\n", shown_on)
    come_back = f"The run goes on. Watch it again with: groundwork follow {run.run_id}"
    try:
        ended = runs.follow(airflow, run, (run.conf or {}).get("environment_ids", ()), shown_on)
        return outcome(airflow, ended)
    except KeyboardInterrupt:
        say(come_back, error_console)
        raise typer.Exit(INTERRUPTED) from None
    except TemporaryError:
        say(come_back, error_console)
        raise


def finish(result: Outcome, *, as_json: bool) -> None:
    """Print the outcome; a run that failed ends the command with `FAILED`."""
    from groundwork.cli.outcome import rendered

    show(result.as_json(), rendered(result), as_json=as_json)
    if not result.synced:
        raise typer.Exit(FAILED)
