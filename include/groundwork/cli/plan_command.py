"""`plan`: what a request would do, without doing it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import typer

from groundwork.cli import connect
from groundwork.cli.output import FAILED, Json, failing_clearly, report, show
from groundwork.cli.request_options import takes_request
from groundwork.errors import InvalidRequest

CHANGES = 2


def register(app: typer.Typer) -> None:
    app.command()(plan)


@failing_clearly
@takes_request
def plan(values: dict[str, Any], as_json: Json = False) -> None:
    """Show what a request would do: every change in records, GitLab and clusters, field by field.

    Exit codes: 0 nothing to do; 2 changes; 1 the request is refused, or something stands in its way.
    """
    from groundwork.operations import plan_report
    from groundwork.operations.plan import plan as planned_for
    from groundwork.operations.resolution import Run

    with connect.services() as services:
        try:
            planned = planned_for(services, values, Run(connect.INITIALIZE_PROJECT, f"plan-{uuid4()}", None))
        except InvalidRequest as error:
            report(error, as_json=as_json)
            raise typer.Exit(FAILED) from None
    show(plan_report.as_json(planned), plan_report.as_text(planned), as_json=as_json)
    if planned.problems:
        raise typer.Exit(FAILED)
    if planned.pending:
        raise typer.Exit(CHANGES)
