"""The pages by address, their scripts and styles, and the API's description."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse

from groundwork import catalog
from groundwork.errors import GroundworkError, NotFound
from groundwork.model.lifecycle import RepositoryFate
from groundwork.model.names import REFERENCE_PATTERN
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records.overview import Whole
from groundwork.web import access
from groundwork.web.api import approvals, choices, health
from groundwork.web.api.projects import Reference
from groundwork.web.api.runs import Id, find_run
from groundwork.web.context import Context, ContextDep
from groundwork.web.pages import charts, form, links
from groundwork.web.pages.rendering import page
from groundwork.web.schemas import Health, Run

router = APIRouter()
_STATIC = Path(__file__).parents[1] / "static"
_STATIC_FILES = {path.name: path for path in sorted(_STATIC.iterdir()) if path.suffix in (".css", ".js")}
_PAGE = 50
_EVENTS = 200


@router.get("/")
def start(context: ContextDep) -> RedirectResponse:
    return RedirectResponse(context.page("projects"))


@router.get("/projects", response_class=HTMLResponse)
def projects(
    context: ContextDep,
    search: Annotated[str, Query(max_length=100)] = "",
    organization: Annotated[str, Query(max_length=100, pattern=f"^$|{REFERENCE_PATTERN}")] = "",
    status: Annotated[str, Query(max_length=20)] = "",
    template: Annotated[str, Query(max_length=100, pattern=f"^$|{REFERENCE_PATTERN}")] = "",
    after: UUID | None = None,
) -> HTMLResponse:
    """The list; its filters are a form that this page sends to itself."""
    chosen = next((item for item in Status if item == status), None)
    with context.records() as records:
        found = records.listing.page(
            search=search,
            organization=organization or None,
            status=chosen,
            template_id=template or None,
            after=after,
            limit=_PAGE + 1,
        )
        organizations = [item.organization for item in records.people.memberships()]
    return page(
        context,
        "projects.html",
        projects=found[:_PAGE],
        more=found[_PAGE - 1].project.id if len(found) > _PAGE else None,
        organizations=organizations,
        templates=catalog.template_ids(),
        statuses=list(Status),
        chosen={
            "search": search,
            "organization": organization,
            "status": chosen or "",
            "template": template,
        },
        first=after is None,
    )


@router.get("/projects/{project}", response_class=HTMLResponse)
def project(context: ContextDep, project: Reference) -> HTMLResponse:
    """One project with everything below it."""
    return _project_page(context, context.project(project), run=None)


@router.get("/runs/{dag_id}/{run_id}", response_class=HTMLResponse)
async def run(context: ContextDep, dag_id: Id, run_id: Id) -> HTMLResponse:
    """The project of a DAG run: the tab that Airflow shows on every run, of whatever DAG."""
    return await context.apart(lambda: _run_page(context, dag_id, run_id))


@router.get("/new", response_class=HTMLResponse, dependencies=[access.may_trigger(access.INITIALIZE)])
def new(context: ContextDep) -> HTMLResponse:
    """The form for a new project."""
    return page(
        context,
        "new.html",
        fields=form.fields(),
        templates=[form.of_template(template) for template in catalog.list_templates()],
        organizations=choices.organizations(context),
        caller=context.caller,
    )


@router.get("/approvals", response_class=HTMLResponse)
async def approvals_page(context: ContextDep) -> HTMLResponse:
    """What waits for a decision."""
    found = await context.apart(lambda: approvals.waiting(context))
    return page(context, "approvals.html", approvals=found)


@router.get("/health", response_class=HTMLResponse)
async def health_page(context: ContextDep) -> HTMLResponse:
    """How the projects do as a whole."""

    def render() -> HTMLResponse:
        with context.records() as records:
            figures = Health.of(records.tally.figures())
        budget, fault = None, None
        try:
            budget = health.gitlab_budget(context)
        except GroundworkError as error:
            fault = error.message
        return page(
            context,
            "health.html",
            figures=figures,
            budget=budget,
            fault=fault,
            charts=charts.of_health(figures, datetime.now(UTC).date()),
        )

    return await context.apart(render)


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Styles and scripts; a list of files, so that no path leads elsewhere."""
    if name not in _STATIC_FILES:
        raise NotFound(f"There is no file '{name}'.")
    return FileResponse(_STATIC_FILES[name], headers={"Cache-Control": "private, no-cache"})


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The API's description (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())


def _run_page(context: Context, dag_id: str, run_id: str) -> HTMLResponse:
    try:
        found = find_run(context, dag_id, run_id)
    except NotFound:
        if dag_id in approvals.DAGS:
            raise
        found = None
    if found is not None and found.project_id is not None:
        return _project_page(context, context.project(str(found.project_id)), run=found)
    return page(context, "run.html", run=found, ours=dag_id in approvals.DAGS, dag_id=dag_id, run_id=run_id)


def _project_page(context: Context, whole: Whole, run: Run | None) -> HTMLResponse:
    last = whole.operations[0][0] if whole.operations else None
    with context.records() as records:
        events = records.overview.latest_events(whole.project.id, limit=_EVENTS)
    return page(
        context,
        "project.html",
        whole=whole,
        run=run,
        last=last,
        busy=last is not None and last.status is OperationStatus.RUNNING,
        events=events,
        links=links,
        may=_rights(context, whole),
        choices=_addable(context, whole),
        fates=list(RepositoryFate),
    )


def _rights(context: Context, whole: Whole) -> dict[str, bool]:
    """Which actions are offered: what the caller may do, where it makes sense now."""
    caller, last = context.caller, whole.operations[0][0] if whole.operations else None
    idle = last is None or last.status is not OperationStatus.RUNNING
    gone = whole.project.state.status in (Status.REMOVING, Status.REMOVED)
    return {
        "retry": idle
        and whole.requested is not None
        and whole.requested.status is OperationStatus.FAILED
        and caller.may_rerun(whole.requested.dag_id),
        "reconcile": idle and not gone and caller.may_trigger(access.RECONCILE),
        "add": idle and not gone and caller.may_trigger(access.ADD_ENVIRONMENTS),
        "decommission": idle
        and whole.project.state.status is not Status.REMOVED
        and caller.may_trigger(access.DECOMMISSION),
        "restore": idle and gone and caller.may_trigger(access.RESTORE),
    }


def _addable(context: Context, whole: Whole) -> dict[str, Any]:
    """What the actions' forms offer: environments the project does not have yet, and people to name."""
    own = {item.environment.slug for item, _ in whole.environments}
    found = next((item for item in choices.organizations(context) if item.id == whole.organization.id), None)
    return {
        "environments": [item for item in found.environments if item.slug not in own] if found else [],
        "members": found.members if found else [],
    }
