"""Reading projects: the list, one as a whole, its operations, its events."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from groundwork.errors import NotFound
from groundwork.model.names import REFERENCE_PATTERN
from groundwork.model.statuses import Status
from groundwork.web import schemas
from groundwork.web.context import ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["projects"])
Reference = Annotated[
    str, Path(max_length=100, pattern=REFERENCE_PATTERN, description="Id or slug of the project.")
]


@router.get("/projects", responses=documented())
def list_projects(
    context: ContextDep,
    search: Annotated[str, Query(max_length=100, description="Beginnings of words in slug or name.")] = "",
    organization: Annotated[
        str | None, Query(max_length=100, pattern=REFERENCE_PATTERN, description="Id or slug.")
    ] = None,
    status: Status | None = None,
    template_id: Annotated[str | None, Query(max_length=100, pattern=REFERENCE_PATTERN)] = None,
    after: Annotated[UUID | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> schemas.ProjectPage:
    """Projects, newest first, page by page."""
    with context.records() as records:
        found = records.listing.page(
            search=search,
            organization=organization,
            status=status,
            template_id=template_id,
            after=after,
            limit=limit + 1,
        )
    items = [schemas.ProjectLine.of(item) for item in found[:limit]]
    return schemas.ProjectPage(items=items, next=items[-1].id if len(found) > limit else None)


@router.get("/projects/{project}", responses=documented(404))
def get_project(context: ContextDep, project: Reference) -> schemas.Project:
    """A project with its repository, environments, resources and last operations."""
    return schemas.Project.of(context.project(project))


@router.get("/projects/{project}/operations", responses=documented(404))
def list_operations(
    context: ContextDep, project: Reference, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[schemas.Operation]:
    """What was done to a project, newest first."""
    whole = context.project(project, operations=limit)
    return [schemas.Operation.of(item, steps) for item, steps in whole.operations]


@router.get("/operations/{operation_id}", responses=documented(404))
def get_operation(context: ContextDep, operation_id: UUID) -> schemas.Operation:
    """One operation with its steps."""
    with context.records() as records:
        found = records.overview.operation(operation_id)
    if found is None:
        raise NotFound(f"There is no operation {operation_id}.")
    return schemas.Operation.of(*found)


@router.get("/projects/{project}/events", responses=documented(404))
def list_events(
    context: ContextDep,
    project: Reference,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Id of the last event seen.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> list[schemas.Event]:
    """Who did what to a project, oldest first."""
    whole = context.project(project, operations=0)
    with context.records() as records:
        found = records.audit.timeline(whole.project.id, after=after, limit=limit)
    return [schemas.Event.of(event) for event in found]
