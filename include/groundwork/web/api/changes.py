"""Changes to projects. Each answers with the run that does it; `acting` starts it."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from groundwork.web import acting, requests, schemas
from groundwork.web.access import (
    ADD_ENVIRONMENTS,
    DECOMMISSION,
    INITIALIZE,
    RECONCILE,
    RESTORE,
    may_rerun,
    may_trigger,
)
from groundwork.web.acting import Started
from groundwork.web.api.projects import Reference
from groundwork.web.api.runs import run_of
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["changes"])
_ACCEPTED = {
    **documented(404, 409),
    HTTPStatus.OK: {"description": "Started before under the same key", "model": schemas.Run},
}


@router.post("/projects", status_code=202, dependencies=[may_trigger(INITIALIZE)], responses=_ACCEPTED)
async def create_project(
    context: ContextDep,
    response: Response,
    body: requests.NewProject,
    key: requests.IdempotencyKey = None,
) -> schemas.Run:
    """Ask for a project. It is checked now, and made by the run that is started."""
    return _told(context, response, await context.apart(lambda: acting.create(context, body, key)))


@router.post("/plan", dependencies=[may_trigger(INITIALIZE)], responses=documented(404, 409))
async def plan_project(context: ContextDep, body: requests.NewProject) -> schemas.Plan:
    """What a request would do, field by field, and what stands in its way. Changes nothing."""
    return schemas.Plan.of(await context.apart(lambda: acting.plan(context, body)))


@router.post(
    "/projects/{project}/retry",
    status_code=202,
    dependencies=[may_rerun(INITIALIZE)],
    responses=documented(404, 409),
)
async def retry_project(context: ContextDep, project: Reference) -> schemas.Run:
    """Run the failed steps of a project's last operation again."""
    run = await context.apart(lambda: acting.retry(context, context.project(project)))
    return run_of(context, run)


@router.post(
    "/projects/{project}/reconcile",
    status_code=202,
    dependencies=[may_trigger(RECONCILE)],
    responses=_ACCEPTED,
)
async def reconcile_project(
    context: ContextDep, response: Response, project: Reference, key: requests.IdempotencyKey = None
) -> schemas.Run:
    """Compare a project with what is there, now, and repair what policy says."""
    started = await context.apart(lambda: acting.reconcile(context, context.project(project), key))
    return _told(context, response, started)


@router.post(
    "/projects/{project}/decommission",
    status_code=202,
    dependencies=[may_trigger(DECOMMISSION)],
    responses=_ACCEPTED,
)
async def decommission_project(
    context: ContextDep,
    response: Response,
    project: Reference,
    body: requests.Decommission,
    key: requests.IdempotencyKey = None,
) -> schemas.Run:
    """Remove a project, or only some of its environments."""
    started = await context.apart(lambda: acting.decommission(context, context.project(project), body, key))
    return _told(context, response, started)


@router.post(
    "/projects/{project}/restore",
    status_code=202,
    dependencies=[may_trigger(RESTORE)],
    responses=_ACCEPTED,
)
async def restore_project(
    context: ContextDep,
    response: Response,
    project: Reference,
    body: requests.Restore,
    key: requests.IdempotencyKey = None,
) -> schemas.Run:
    """Take back the decommissioning of a project."""
    started = await context.apart(lambda: acting.restore(context, context.project(project), body, key))
    return _told(context, response, started)


@router.post(
    "/projects/{project}/environments",
    status_code=202,
    dependencies=[may_trigger(ADD_ENVIRONMENTS)],
    responses=_ACCEPTED,
)
async def add_environments(
    context: ContextDep,
    response: Response,
    project: Reference,
    body: requests.AddEnvironments,
    key: requests.IdempotencyKey = None,
) -> schemas.Run:
    """Add environments to a project."""
    started = await context.apart(
        lambda: acting.add_environments(context, context.project(project), body, key)
    )
    return _told(context, response, started)


def _told(context: Context, response: Response, started: Started) -> schemas.Run:
    run = run_of(context, started.run)
    response.headers["Location"] = context.page("api", "v1", "runs", run.dag_id, run.run_id)
    if started.again:
        response.status_code = HTTPStatus.OK
    return run
