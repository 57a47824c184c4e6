"""Merge requests."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from pygit2 import Commit, Repository
from sqlalchemy import Select, select

from sandbox.gitlab.entities import merge_requests as entities
from sandbox.gitlab.entities import repository as repository_entities
from sandbox.gitlab.errors import Forbidden
from sandbox.gitlab.http.pagination import ListParameters, page_of_query, page_of_rows
from sandbox.gitlab.http.params import Instant, Parameters, Params
from sandbox.gitlab.http.requests import Api, ApiRequest, answer, no_content
from sandbox.gitlab.repos import reading
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access, commits, listing, merge_requests
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.store.work_tables import MergeRequest

router = APIRouter()
_PREFIX = "/projects/{project_ref:segment}/merge_requests"


class MergeRequestFilters(ListParameters):
    """Which merge requests are wanted."""

    state: Literal["opened", "closed", "locked", "merged", "all"] = "all"
    source_branch: str | None = None
    target_branch: str | None = None
    search: str | None = None
    iids: list[int] | None = None
    author_id: int | None = None
    author_username: str | None = None
    labels: str | list[str] | None = None
    scope: str | None = None
    created_after: Instant | None = None
    created_before: Instant | None = None
    updated_after: Instant | None = None
    updated_before: Instant | None = None
    order_by: str | None = None
    sort: Literal["asc", "desc"] = "desc"


class MergeRequestFields(Parameters):
    """What can be set on a merge request."""

    title: str | None = None
    description: str | None = None
    target_branch: str | None = None
    assignee_id: int | None = None
    assignee_ids: list[int] | None = None
    reviewer_ids: list[int] | None = None
    labels: list[str] | str | None = None
    add_labels: list[str] | str | None = None
    remove_labels: list[str] | str | None = None
    squash: bool | None = None
    remove_source_branch: bool | None = None
    discussion_locked: bool | None = None
    allow_collaboration: bool | None = None
    state_event: Literal["close", "reopen"] | None = None


class MergeRequestCreation(MergeRequestFields):
    """A new merge request."""

    title: str = Field(min_length=1)
    source_branch: str
    target_branch: str


class Merging(Parameters):
    """How to merge."""

    sha: str | None = None
    squash: bool | None = None
    should_remove_source_branch: bool | None = None
    merge_commit_message: str | None = None
    squash_commit_message: str | None = None


@router.get("/merge_requests")
def list_everywhere(
    api: ApiRequest, filters: Annotated[MergeRequestFilters, Params(MergeRequestFilters)]
) -> Response:
    """Merge requests of all projects the caller is a member of; the caller's own unless `scope=all`."""
    with api.read() as unit:
        seen = listing.visible_projects(unit).with_only_columns(Project.id)
        query = select(MergeRequest).where(MergeRequest.project_id.in_(seen))
        if filters.scope != "all":
            query = query.where(MergeRequest.author_id == unit.user.id)
        return _listed(api, unit, filters, query)


@router.get("/groups/{ref:segment}/merge_requests")
def list_of_group(
    api: ApiRequest, ref: str, filters: Annotated[MergeRequestFilters, Params(MergeRequestFilters)]
) -> Response:
    """Merge requests of a group's projects, subgroups' too."""
    with api.read() as unit:
        inside = listing.descendants(unit, [access.find_group(unit, ref).id])
        seen = listing.visible_projects(unit).where(Project.namespace_id.in_(inside))
        query = select(MergeRequest).where(MergeRequest.project_id.in_(seen.with_only_columns(Project.id)))
        return _listed(api, unit, filters, query)


@router.get(_PREFIX)
def list_merge_requests(
    api: ApiRequest, project_ref: str, filters: Annotated[MergeRequestFilters, Params(MergeRequestFilters)]
) -> Response:
    """A project's merge requests."""
    with api.read() as unit:
        project = access.find_project(unit, project_ref)
        return _listed(api, unit, filters, select(MergeRequest).where(MergeRequest.project_id == project.id))


@router.post(_PREFIX)
def create_merge_request(
    api: ApiRequest, project_ref: str, body: Annotated[MergeRequestCreation, Params(MergeRequestCreation)]
) -> Response:
    """Open a merge request."""
    with api.write() as unit:
        project, repo = _writable(api, unit, project_ref)
        row = merge_requests.open_one(unit, project, repo, body.given())
        return _single(unit, project, repo, row, 201)


@router.get(_PREFIX + "/{iid}")
def get_merge_request(api: ApiRequest, project_ref: str, iid: int) -> Response:
    """One merge request."""
    with api.read() as unit:
        project, repo, row = _found(api, unit, project_ref, iid)
        return _single(unit, project, repo, row)


@router.put(_PREFIX + "/{iid}")
def update_merge_request(
    api: ApiRequest,
    project_ref: str,
    iid: int,
    body: Annotated[MergeRequestFields, Params(MergeRequestFields)],
) -> Response:
    """Edit, close or reopen. Authors may edit their own."""
    with api.write() as unit:
        project, repo, row = _found(api, unit, project_ref, iid)
        if access.project_level(unit, project) < Role.DEVELOPER and row.author_id != unit.user.id:
            raise Forbidden
        merge_requests.change(unit, project, repo, row, body.given())
        return _single(unit, project, repo, row)


@router.delete(_PREFIX + "/{iid}")
def delete_merge_request(api: ApiRequest, project_ref: str, iid: int) -> Response:
    """Remove a merge request (owners)."""
    with api.write() as unit:
        project, _, row = _found(api, unit, project_ref, iid)
        if access.project_level(unit, project) < Role.OWNER:
            raise Forbidden
        unit.db.delete(row)
    return no_content()


@router.put(_PREFIX + "/{iid}/merge")
def merge_merge_request(
    api: ApiRequest, project_ref: str, iid: int, body: Annotated[Merging, Params(Merging)]
) -> Response:
    """Merge now."""
    with api.read(frozenset({"api"})) as unit:
        storage = access.readable_project(unit, project_ref).storage
    with api.server.storage.locked(storage) as repo, api.write() as unit:
        project, _, row = _found(api, unit, project_ref, iid)
        merge_requests.merge(unit, project, repo, row, body.given())
        return _single(unit, project, repo, row)


@router.get(_PREFIX + "/{iid}/commits")
def list_commits(
    api: ApiRequest, project_ref: str, iid: int, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """What would be (or was) merged, newest first."""
    with api.read() as unit:
        project, repo, row = _found(api, unit, project_ref, iid)
        base, head = _ends(repo, row)
        rows = list(islice(reading.log(repo, head, exclude=[base] if base else []), 1000)) if head else []
        return page_of_rows(api, page, rows, lambda item: repository_entities.commit(unit, project, item))


@router.get(_PREFIX + "/{iid}/changes")
def get_changes(api: ApiRequest, project_ref: str, iid: int) -> Response:
    """The merge request with its changes."""
    with api.read() as unit:
        project, repo, row = _found(api, unit, project_ref, iid)
        detail = entities.single(unit, project, repo, row, _can_merge(unit, project, row)).model_dump()
        return answer(detail | {"changes": _changes(repo, row), "overflow": False})


@router.get(_PREFIX + "/{iid}/diffs")
def list_changes(
    api: ApiRequest, project_ref: str, iid: int, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """The changes alone."""
    with api.read() as unit:
        _, repo, row = _found(api, unit, project_ref, iid)
        return page_of_rows(api, page, _changes(repo, row), lambda item: item)


def _found(api: Api, unit: Unit, project_ref: str, iid: int) -> tuple[Project, Repository, MergeRequest]:
    project = access.readable_project(unit, project_ref)
    return project, api.server.storage.open(project.storage), merge_requests.find(unit, project, iid)


def _writable(api: Api, unit: Unit, project_ref: str) -> tuple[Project, Repository]:
    project = commits.writable_project(unit, project_ref)
    return project, api.server.storage.open(project.storage)


def _single(unit: Unit, project: Project, repo: Repository, row: MergeRequest, status: int = 200) -> Response:
    return answer(entities.single(unit, project, repo, row, _can_merge(unit, project, row)), status)


def _can_merge(unit: Unit, project: Project, row: MergeRequest) -> bool:
    return unit.caller.user is not None and commits.policy(unit, project).may_merge(row.target_branch)


def _ends(repo: Repository, row: MergeRequest) -> tuple[Commit | None, Commit | None]:
    base, head = (repo.get(sha) if sha else None for sha in (row.base_sha, row.sha))
    return (base if isinstance(base, Commit) else None), (head if isinstance(head, Commit) else None)


def _changes(repo: Repository, row: MergeRequest) -> list[dict[str, Any]]:
    base, head = _ends(repo, row)
    if head is None:
        return []
    return [item.model_dump() for item in repository_entities.differences(reading.difference(base, head))]


def _listed(api: Api, unit: Unit, filters: MergeRequestFilters, query: Select[MergeRequest]) -> Response:
    query = _filtered(query, filters)
    column = MergeRequest.updated_at if filters.order_by == "updated_at" else MergeRequest.created_at
    order = (
        (column.asc(), MergeRequest.id.asc())
        if filters.sort == "asc"
        else (column.desc(), MergeRequest.id.desc())
    )

    def make(row: MergeRequest) -> entities.MergeRequestEntity:
        project = access.find_project(unit, str(row.project_id))
        return entities.listed(unit, project, api.server.storage.open(project.storage), row)

    return page_of_query(api, unit, filters, query.order_by(*order), make)


def _filtered(query: Select[MergeRequest], filters: MergeRequestFilters) -> Select[MergeRequest]:
    if filters.state != "all":
        query = query.where(MergeRequest.state == filters.state)
    for field in ("source_branch", "target_branch", "author_id"):
        wanted = getattr(filters, field)
        if wanted is not None:
            query = query.where(getattr(MergeRequest, field) == wanted)
    if filters.author_username:
        query = query.where(MergeRequest.author.has(User.username == filters.author_username))
    if filters.iids:
        query = query.where(MergeRequest.iid.in_(filters.iids))
    if filters.search:
        pattern = f"%{filters.search}%"
        query = query.where(MergeRequest.title.like(pattern) | MergeRequest.description.like(pattern))
    for label in _labels(filters.labels):
        query = query.where(MergeRequest.labels.like(f'%"{label}"%'))
    bounds = {
        MergeRequest.created_at: (filters.created_after, filters.created_before),
        MergeRequest.updated_at: (filters.updated_after, filters.updated_before),
    }
    for column, (after, before) in bounds.items():
        query = query.where(column >= after) if after else query
        query = query.where(column <= before) if before else query
    return query


def _labels(value: str | list[str] | None) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value or []
    return [part.strip() for part in parts if part.strip()]
