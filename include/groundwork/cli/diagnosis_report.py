"""How a diagnosis is told: text, JSON and exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from groundwork.cli.output import FAILED, TRY_AGAIN, table
from groundwork.operations.diagnosis import Chain, Diagnosis, Link, State

_STYLES = {
    State.OK: "green",
    State.BROKEN: "bold red",
    State.AFFECTED: "yellow",
    State.WAITING: "cyan",
    State.UNKNOWN: "magenta",
}


@dataclass(frozen=True)
class Repair:
    """What became of running a project again: the run, or why there is none."""

    run_id: str | None = None
    url: str | None = None
    reason: str | None = None
    message: str | None = None
    temporary: bool = False


@dataclass(frozen=True)
class Result:
    """`repair` is None where none was tried."""

    diagnosis: Diagnosis
    repair: Repair | None = None


def exit_code(results: Sequence[Result]) -> int:
    """0 if all is synced, or if a run was started for all that is broken; otherwise the worst."""
    codes = {_code(result) for result in results}
    return next((code for code in (FAILED, TRY_AGAIN) if code in codes), 0)


def as_json(result: Result) -> dict[str, Any]:
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


def causes(results: Sequence[Result]) -> RenderableType:
    """One line for each chain's cause, and what was done about it."""
    if not results:
        return Text("Every project is synced.")
    drawn = table("project", "environment", "link", "reason", "message", "what to do")
    for result in results:
        for chain in result.diagnosis.chains:
            slug = result.diagnosis.project.slug
            drawn.add_row(slug, chain.environment or "", *_cause(chain.cause))
    return Group(drawn, *_repairs(results))


def links(result: Result) -> RenderableType:
    """Every link of every chain of one project."""
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


def _code(result: Result) -> int:
    state, repair = result.diagnosis.state, result.repair
    if state is State.OK:
        return 0
    if state is not State.BROKEN:
        return TRY_AGAIN
    if repair is None:
        return FAILED
    return 0 if repair.run_id and not _left(result) else TRY_AGAIN if repair.temporary else FAILED


def _left(result: Result) -> list[Chain]:
    """The chains that running again does not mend."""
    return [
        chain
        for chain in result.diagnosis.chains
        if chain.cause and chain.cause.state is State.BROKEN and not chain.cause.repairable
    ]


def _cause(link: Link | None) -> tuple[str, ...]:
    if link is None:
        return "", "", "all is well", ""
    return f"{link.place} {link.name}", link.reason, link.message, link.remedy


def _repairs(results: Sequence[Result]) -> list[RenderableType]:
    told = [Text(_told(item.diagnosis.project.slug, item.repair)) for item in results if item.repair]
    return [Text(), *told] if told else []


def _told(slug: str, repair: Repair) -> str:
    if repair.run_id:
        return f"{slug}: run {repair.run_id}: {repair.url}"
    return f"{slug}: could not be run again: {repair.reason}: {repair.message}"
