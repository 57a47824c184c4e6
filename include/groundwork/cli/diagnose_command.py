"""`diagnose`: why projects are not synced, and with `--fix` running those again that this may mend."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from groundwork.cli import connect
from groundwork.cli.output import Json, failing_clearly, show
from groundwork.errors import GroundworkError, Misconfigured, TemporaryError

if TYPE_CHECKING:
    from groundwork.cli.diagnosis_report import Repair
    from groundwork.clients.airflow import Airflow, Run
    from groundwork.operations.diagnosis import Diagnosis
    from groundwork.records.cases import Case


def register(app: typer.Typer) -> None:
    app.command()(diagnose)


@failing_clearly
def diagnose(
    project: Annotated[
        str | None, typer.Argument(help="Id or slug; without it, every project that is not synced.")
    ] = None,
    organization: Annotated[str | None, typer.Option(help="Only this organization's projects.")] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Run each project again that this may mend as things stand.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Why projects are not synced: the first broken link from the request to the pods, and what to do.

    Ends with 0 if all is synced, or with --fix if a run was started for all that is broken; with 1 if
    something is broken; with 3 if something is still being worked on, or could not be looked at.
    """
    from groundwork.cli import diagnosis_report as report
    from groundwork.operations.diagnosis import diagnose_project, diagnose_unsynced

    with ExitStack() as stack:
        services = stack.enter_context(connect.services())
        airflow = _airflow(stack, needed=fix)
        if project is not None:
            found = [diagnose_project(services, airflow, project)]
        else:
            found = diagnose_unsynced(services, airflow, organization)
        results = [
            report.Result(diagnosis, _repair(airflow, case, diagnosis) if fix and airflow else None)
            for case, diagnosis in found
        ]
    told = report.links(results[0]) if project is not None else report.causes(results)
    show([report.as_json(result) for result in results], told, as_json=as_json)
    code = report.exit_code(results)
    if code:
        raise typer.Exit(code)


def _airflow(stack: ExitStack, *, needed: bool) -> Airflow | None:
    try:
        return stack.enter_context(connect.airflow())
    except Misconfigured:
        if needed:
            raise
        return None


def _repair(airflow: Airflow, case: Case, diagnosis: Diagnosis) -> Repair | None:
    """Run the project again if that may mend it; None where it need not be, or a person must act first."""
    from groundwork.cli.diagnosis_report import Repair

    if not diagnosis.repairable:
        return None
    try:
        run = start(airflow, case)
    except GroundworkError as error:
        temporary = isinstance(error, TemporaryError)
        return Repair(reason=error.reason, message=error.message, temporary=temporary)
    return Repair(run.run_id, airflow.run_url(run.dag_id, run.run_id))


def start(airflow: Airflow, case: Case) -> Run:
    """The run that runs the project again: a new one, or the one that was started and has not ended."""
    from groundwork.cli import runs
    from groundwork.operations.diagnosis import repair

    request, attempt = repair.request(case), 1
    while (run := runs.start(airflow, request, repair.run_id(case, attempt))).ended:
        attempt += 1
    return run
