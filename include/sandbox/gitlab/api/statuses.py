"""Commit statuses: what external jobs say of a commit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import func, select

from sandbox.gitlab.entities import users
from sandbox.gitlab.entities.base import stamp
from sandbox.gitlab.errors import BadRequest, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer
from sandbox.gitlab.repos import reading
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import CommitStatus

router = APIRouter(prefix="/projects/{project_ref:segment}")
State = Literal["pending", "running", "success", "failed", "canceled", "skipped"]
_ENDED = ("success", "failed", "canceled", "skipped")
#: Which states may follow which; the same state again is refused as GitLab does.
_FOLLOWS = {
    "pending": {"running", *_ENDED},
    "running": set(_ENDED),
    "success": {"pending", "running", "failed", "canceled"},
    "failed": {"pending", "running", "success", "canceled"},
    "canceled": {"pending", "running", "success", "failed"},
    "skipped": {"pending", "running", "success", "failed"},
}


class StatusFilters(ListParameters):
    """Which statuses are wanted."""

    ref: str | None = None
    name: str | None = None
    all: bool = False


class StatusCreation(Parameters):
    """A job's word."""

    state: State
    ref: str | None = None
    name: str | None = None
    context: str | None = None
    target_url: str | None = Field(default=None, max_length=255)
    description: str | None = None
    coverage: float | None = None
    pipeline_id: int | None = None


@router.get("/repository/commits/{sha}/statuses")
def list_statuses(
    api: ApiRequest, project_ref: str, sha: str, filters: Annotated[StatusFilters, Params(StatusFilters)]
) -> Response:
    """A commit's statuses; of each name the latest unless `all`."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        query = select(CommitStatus).where(
            CommitStatus.project_id == project.id, CommitStatus.sha == _sha(unit, project, sha)
        )
        rows = list(unit.db.execute(query.order_by(CommitStatus.id)).scalars())
        rows = [row for row in rows if filters.name in (None, row.name) and filters.ref in (None, row.ref)]
        if not filters.all:
            rows = sorted({(row.name, row.ref): row for row in rows}.values(), key=lambda row: row.id)
        return page_of_rows(api, filters, rows, lambda row: _entity(unit, row))


@router.post("/statuses/{sha}")
def set_status(
    api: ApiRequest, project_ref: str, sha: str, body: Annotated[StatusCreation, Params(StatusCreation)]
) -> Response:
    """Say or change a job's state. A state that cannot follow the present one is refused."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.DEVELOPER)
        commit = _sha(unit, project, sha)
        name = body.name or body.context or "default"
        query = select(CommitStatus).where(
            CommitStatus.project_id == project.id, CommitStatus.sha == commit, CommitStatus.name == name
        )
        row = unit.db.execute(query.order_by(CommitStatus.id.desc())).scalars().first()
        if row is None:
            row = CommitStatus(project_id=project.id, sha=commit, name=name, author_id=unit.user.id)
            row.author = unit.user
            row.pipeline_id = body.pipeline_id or _next_pipeline(unit)
            row.created_at = now()
            unit.db.add(row)
        elif body.state not in _FOLLOWS[row.status]:
            event = {"running": "run", "pending": "enqueue", "success": "success", "failed": "drop"}
            wanted = event.get(body.state, "cancel")
            raise BadRequest(
                f"Cannot transition status via :{wanted} from :{row.status} "
                f'(Reason(s): Status cannot transition via "{wanted}")'
            )
        _apply(row, body, project)
        unit.db.flush()
        return answer(_entity(unit, row), 201)


def _apply(row: CommitStatus, body: StatusCreation, project: Project) -> None:
    row.status = body.state
    row.ref = body.ref or row.ref or project.default_branch
    for field in ("target_url", "description", "coverage"):
        value = getattr(body, field)
        if value is not None:
            setattr(row, field, value)
    if body.state == "running":
        row.started_at, row.finished_at = now(), None
    if body.state in _ENDED:
        row.finished_at = now()


def _sha(unit: Unit, project: Project, sha: str) -> str:
    commit = reading.resolve(unit.server.storage.open(project.storage), sha, project.default_branch)
    if commit is None:
        raise NotFound("Commit")
    return str(commit.id)


def _next_pipeline(unit: Unit) -> int:
    return (unit.db.execute(select(func.max(CommitStatus.pipeline_id))).scalar_one() or 0) + 1


def _entity(unit: Unit, row: CommitStatus) -> dict[str, Any]:
    return {
        "id": row.id,
        "sha": row.sha,
        "ref": row.ref,
        "status": row.status,
        "name": row.name,
        "target_url": row.target_url,
        "description": row.description,
        "created_at": stamp(row.created_at),
        "started_at": stamp(row.started_at) if row.started_at else None,
        "finished_at": stamp(row.finished_at) if row.finished_at else None,
        "allow_failure": False,
        "coverage": row.coverage,
        "pipeline_id": row.pipeline_id,
        "author": users.basic(unit, row.author).model_dump(),
    }
