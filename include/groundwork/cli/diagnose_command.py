"""`diagnose`: why projects are not synced, and with `--fix` running those again that this may mend."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import FAILED, TRY_AGAIN, Json, failing_clearly, show, table
from groundwork.errors import GroundworkError, Misconfigured, TemporaryError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from groundwork.clients.airflow import Airflow, Run
    from groundwork.operations.diagnosis import Chain, Diagnosis, Link
    from groundwork.records.cases import Case

_STYLES = {"ok": "green", "broken": "bold red", "affected": "yellow", "waiting": "cyan", "unknown": "magenta"}


@dataclass(frozen=True)
class _Repair:
    """What became of running a project again: the run, or why there is none."""

    run_id: str | None = None
    url: str | None = None
    reason: str | None = None
    message: str | None = None
    temporary: bool = False


@dataclass(frozen=True)
class _Result:
    diagnosis: Diagnosis
    repair: _Repair | None


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
    from groundwork.operations.diagnosis import diagnose_project, diagnose_unsynced

    with ExitStack() as stack:
        services = stack.enter_context(connect.services())
        airflow = _airflow(stack, needed=fix)
        if project is not None:
            found = [diagnose_project(services, airflow, project)]
        else:
            found = diagnose_unsynced(services, airflow, organization)
        results = [
            _Result(diagnosis, _repair(airflow, case, diagnosis) if fix and airflow else None)
            for case, diagnosis in found
        ]
    told = [_as_json(result) for result in results]
    show(told, _whole(results[0]) if project is not None else _all(results), as_json=as_json)
    code = max((_code(result) for result in results), key=_severity, default=0)
    if code:
        raise typer.Exit(code)


def _airflow(stack: ExitStack, *, needed: bool) -> Airflow | None:
    try:
        return stack.enter_context(connect.airflow())
    except Misconfigured:
        if needed:
            raise
        return None


def _repair(airflow: Airflow, case: Case, diagnosis: Diagnosis) -> _Repair | None:
    """Run the project again if that may mend it; None where it need not be, or a person must act first."""
    if not diagnosis.repairable:
        return None
    try:
        run = _start(airflow, case)
    except GroundworkError as error:
        temporary = isinstance(error, TemporaryError)
        return _Repair(reason=error.reason, message=error.message, temporary=temporary)
    return _Repair(run.run_id, airflow.run_url(run.dag_id, run.run_id))


def _start(airflow: Airflow, case: Case) -> Run:
    from groundwork.cli import runs
    from groundwork.operations.diagnosis import repair

    request = repair.request(case)
    for attempt in count(1):
        run = runs.start(airflow, request, repair.run_id(case, attempt))
        if not run.ended:
            return run
    raise AssertionError("counting never ends")


def _code(result: _Result) -> int:
    state, repair = result.diagnosis.state, result.repair
    if state == "ok":
        return 0
    if state != "broken":
        return TRY_AGAIN
    if repair is None:
        return FAILED
    return 0 if repair.run_id and not _left(result) else TRY_AGAIN if repair.temporary else FAILED


def _left(result: _Result) -> list[Chain]:
    """The chains that running again does not mend."""
    return [
        chain
        for chain in result.diagnosis.chains
        if chain.cause and chain.cause.state == "broken" and not chain.cause.repairable
    ]


def _severity(code: int) -> int:
    return (0, TRY_AGAIN, FAILED).index(code)


def _as_json(result: _Result) -> dict[str, Any]:
    project = result.diagnosis.project
    return {
        "project": project.slug,
        "id": project.id,
        "status": project.state.status,
        "state": result.diagnosis.state,
        "chains": [
            {
                "environment": chain.environment,
                "cause": chain.cause and vars(chain.cause),
                "links": [vars(link) for link in chain.links],
            }
            for chain in result.diagnosis.chains
        ],
        "repair": result.repair
        and {name: value for name, value in vars(result.repair).items() if name != "temporary"},
    }


def _all(results: list[_Result]) -> RenderableType:
    """One line for each chain's cause, and what was done about it."""
    from rich.console import Group
    from rich.text import Text

    if not results:
        return Text("Every project is synced.")
    drawn = table("project", "environment", "link", "reason", "message", "what to do")
    for result in results:
        for chain in result.diagnosis.chains:
            slug = result.diagnosis.project.slug
            drawn.add_row(slug, chain.environment or "", *_cause(chain.cause))
    return Group(drawn, *_repairs(results))


def _whole(result: _Result) -> RenderableType:
    """Every link of every chain of one project."""
    from rich.console import Group
    from rich.text import Text

    project = result.diagnosis.project
    parts: list[RenderableType] = [Text(f"{project.slug}  {project.state.status}", style="bold")]
    for chain in result.diagnosis.chains:
        drawn = table(chain.environment or "project", "", "state", "reason", "message")
        for link in chain.links:
            state = Text(link.state, style=_STYLES.get(link.state, "dim"))
            drawn.add_row(link.place, link.name, state, link.reason, link.message)
        parts += [Text(), drawn]
        if chain.cause:
            parts += [Text(f"Cause: {chain.cause.place} {chain.cause.name}: {chain.cause.message}")]
            parts += [Text(f"To do: {chain.cause.remedy}", style="bold")]
    return Group(*parts, *_repairs([result]))


def _cause(link: Link | None) -> tuple[str, ...]:
    if link is None:
        return "", "", "all is well", ""
    return f"{link.place} {link.name}", link.reason, link.message, link.remedy


def _repairs(results: list[_Result]) -> list[RenderableType]:
    from rich.text import Text

    told = [Text(_told(item.diagnosis.project.slug, item.repair)) for item in results if item.repair]
    return [Text(), *told] if told else []


def _told(slug: str, repair: _Repair) -> str:
    if repair.run_id:
        return f"{slug}: run {repair.run_id}: {repair.url}"
    return f"{slug}: could not be run again: {repair.reason}: {repair.message}"
