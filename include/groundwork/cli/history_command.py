"""`history`: what was done to a project, by whom, and what it changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import Json, failing_clearly, show, table
from groundwork.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from groundwork.model.entities import AuditEvent
    from groundwork.records import Records

_PAGE = 500


def register(app: typer.Typer) -> None:
    app.command()(history)


@failing_clearly
def history(
    project: Annotated[str, typer.Argument(help="Id or slug.")],
    as_json: Json = False,
) -> None:
    """What was done to a project, oldest first: who, in which run, before and after."""
    with connect.records() as records:
        found = records.projects.find(project)
        if found is None:
            raise NotFound(f"There is no project '{project}'; `groundwork status` lists them.")
        events = _events(records, found.id)
        runs = {
            operation.id: f"{operation.dag_id} {operation.run_id}"
            for operation in records.operations.list(found.id, limit=len(events) or 1)
        }
    told = [(event, runs.get(event.operation_id) if event.operation_id else None) for event in events]
    drawn = table("time (UTC)", "who", "what", "where", "change", "run")
    for event, run in told:
        drawn.add_row(
            f"{event.occurred_at:%Y-%m-%d %H:%M:%S}",
            *(event.actor, event.action, str(event.details.get("environment") or "")),
            *(changed(event.details), (run or "").rpartition(" ")[2]),
        )
    show([_as_json(event, run) for event, run in told], drawn, as_json=as_json)


def changed(details: Mapping[str, Any]) -> str:
    """What an event changed, for a person: `before -> after`, and the message that goes with it. Pure."""
    before, after = details.get("before"), details.get("after")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        fields = sorted((name for name in after if before.get(name) != after[name]), key=_place)
        # What a state says belongs behind the state itself.
        parts = [
            f"{name}: {_one(before.get(name))} -> {_one(after[name])}" for name in fields if name != "message"
        ]
        message = after.get("message") if "message" in fields else None
        return "; ".join([*parts, str(message)] if message else parts)
    if before is not None or after is not None:
        name = details.get("name") or details.get("path")
        return f"{f'{name}: ' if name else ''}{_one(before)} -> {_one(after)}"
    told = (details.get(name) for name in ("kind", "status", "reason", "message"))
    return ": ".join(str(item) for item in told if item)


def _events(records: Records, project_id: UUID) -> list[AuditEvent]:
    found: list[AuditEvent] = []
    while True:
        page = records.audit.timeline(project_id, after=found[-1].id if found else 0, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return found


def _place(field: str) -> tuple[bool, str]:
    """The status comes first: the records keep fields in an order of their own."""
    return field != "status", field


def _one(value: Any) -> str:
    text = "-" if value in (None, "") else str(value)
    return text[:12] if len(text) == 40 and all(char in "0123456789abcdef" for char in text) else text


def _as_json(event: AuditEvent, run: str | None) -> dict[str, Any]:
    return {
        "occurred_at": event.occurred_at,
        "actor": event.actor,
        "action": event.action,
        "run": run,
        "operation_id": event.operation_id,
        "details": event.details,
    }
