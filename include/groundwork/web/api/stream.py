"""What happens to a project, as it happens (server-sent events).

Each connection ends after a few minutes, so that whoever watches is asked for again; a browser comes back by
itself and says which event it saw last. Source: HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from groundwork.records.overview import Whole
from groundwork.web import schemas
from groundwork.web.api.projects import Reference
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["projects"])
_LOOK_SECONDS = 1.0
_SESSION_SECONDS = 240.0
_SILENCE_SECONDS = 15.0
_PAGE = 200


@router.get(
    "/projects/{project}/events/stream",
    response_class=StreamingResponse,
    responses={
        **documented(404),
        200: {
            "description": "Events `project`, with the whole project whenever it has changed, and"
            " `event`, with one entry of its timeline.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def stream_events(
    context: ContextDep,
    project: Reference,
    last_event_id: Annotated[
        int | None, Header(alias="Last-Event-ID", ge=0, le=2**63 - 1, description="Where to go on.")
    ] = None,
) -> StreamingResponse:
    """A project and its timeline, sent again whenever something changes. Without an id, from now on."""
    whole = await context.apart(lambda: context.project(project))
    return StreamingResponse(_events(context, whole, last_event_id), media_type="text/event-stream")


async def _events(context: Context, first: Whole, after: int | None) -> AsyncIterator[str]:
    project_id = first.project.id
    last = after if after is not None else await context.apart(lambda: _newest(context, project_id))
    told = ""
    ends, spoke = time.monotonic() + _SESSION_SECONDS, time.monotonic()
    while time.monotonic() < ends:
        whole, events = await context.apart(lambda seen=last: _look(context, project_id, seen))  # type: ignore[misc]
        for event in events:
            last = event.id
            yield message("event", event, event.id)
        text = message("project", whole)
        if text != told:
            told, spoke = text, time.monotonic()
            yield text
        elif time.monotonic() - spoke > _SILENCE_SECONDS:
            spoke = time.monotonic()
            yield ": nothing new\n\n"
        await asyncio.sleep(_LOOK_SECONDS)


def message(name: str, content: BaseModel, number: int | None = None) -> str:
    """One server-sent event; JSON has no line breaks, so one data line holds it. Pure."""
    numbered = f"id: {number}\n" if number is not None else ""
    return f"{numbered}event: {name}\ndata: {content.model_dump_json()}\n\n"


def _look(context: Context, project_id: UUID, after: int) -> tuple[schemas.Project, list[schemas.Event]]:
    whole = context.project(str(project_id))
    with context.records() as records:
        found = records.audit.timeline(project_id, after=after, limit=_PAGE)
    return schemas.Project.of(whole), [schemas.Event.of(event) for event in found]


def _newest(context: Context, project_id: UUID) -> int:
    with context.records() as records:
        return records.overview.last_event(project_id)
