"""Changes to projects. Each answers with the run that does it; `acting` starts it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Response

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
_Route = TypeVar("_Route", bound=Callable[..., Awaitable[schemas.Run]])
_ACCEPTED = {
    **documented(404, 409),
    HTTPStatus.OK: {"description": "Started before under the same key", "model": schemas.Run},
}


class Change:
    """A change that is being asked for, under a key or without one."""

    def __init__(self, context: Context, response: Response, key: str | None) -> None:
        self.context = context
        self.key = key
        self._response = response

    async def told(self, start: Callable[[], Started]) -> schemas.Run:
        """Starts the run, and answers with it and where to follow it."""
        started = await self.context.apart(start)
        run = run_of(self.context, started.run)
        self._response.headers["Location"] = self.context.page("api", "v1", "runs", run.dag_id, run.run_id)
        if started.again:
            self._response.status_code = HTTPStatus.OK
        return run

    async def of(
        self, project: str, start: Callable[..., Started], *asked: requests.OfProject
    ) -> schemas.Run:
        """As `told`, for one of `acting`'s changes to a project that exists."""
        context = self.context
        return await self.told(lambda: start(context, context.project(project), *asked, self.key))


async def _change(  # not async would cost a thread
    context: ContextDep, response: Response, key: requests.IdempotencyKey = None
) -> Change:
    return Change(context, response, key)


ChangeDep = Annotated[Change, Depends(_change)]


def _starts(dag_id: str, path: str) -> Callable[[_Route], _Route]:
    """A route that starts a run of `dag_id`."""
    return router.post(path, status_code=202, dependencies=[may_trigger(dag_id)], responses=_ACCEPTED)


@_starts(INITIALIZE, "/projects")
async def create_project(change: ChangeDep, body: requests.NewProject) -> schemas.Run:
    """Ask for a project. It is checked now, and made by the run that is started."""
    return await change.told(lambda: acting.create(change.context, body, change.key))


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


@_starts(RECONCILE, "/projects/{project}/reconcile")
async def reconcile_project(change: ChangeDep, project: Reference) -> schemas.Run:
    """Compare a project with what is there, now, and repair what policy says."""
    return await change.of(project, acting.reconcile)


@_starts(DECOMMISSION, "/projects/{project}/decommission")
async def decommission_project(
    change: ChangeDep, project: Reference, body: requests.Decommission
) -> schemas.Run:
    """Remove a project, or only some of its environments."""
    return await change.of(project, acting.decommission, body)


@_starts(RESTORE, "/projects/{project}/restore")
async def restore_project(change: ChangeDep, project: Reference, body: requests.Restore) -> schemas.Run:
    """Take back the decommissioning of a project."""
    return await change.of(project, acting.restore, body)


@_starts(ADD_ENVIRONMENTS, "/projects/{project}/environments")
async def add_environments(
    change: ChangeDep, project: Reference, body: requests.AddEnvironments
) -> schemas.Run:
    """Add environments to a project."""
    return await change.of(project, acting.add_environments, body)
