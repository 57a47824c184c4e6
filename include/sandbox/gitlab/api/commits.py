"""Commits: list, read, make of several actions, differences, refs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pygit2 import Commit, Repository
from sqlalchemy import select

from sandbox.gitlab.api import committing
from sandbox.gitlab.entities import repository as entities
from sandbox.gitlab.errors import Forbidden, InvalidParameters, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows, page_of_stream
from sandbox.gitlab.http.params import Instant, Parameters, Params
from sandbox.gitlab.http.requests import Api, ApiRequest, answer
from sandbox.gitlab.repos import reading
from sandbox.gitlab.repos.writing import Action
from sandbox.gitlab.services import access, statuses
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import MergeRequest

router = APIRouter(prefix="/projects/{project_ref:segment}/repository")


class CommitFilters(ListParameters):
    """Which commits are wanted."""

    ref_name: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    path: str | None = None
    author: str | None = None
    all: bool = False
    with_stats: bool = False
    first_parent: bool = False


class CommitAction(Parameters):
    """One step of a commit."""

    action: Literal["create", "delete", "move", "update", "chmod"]
    file_path: str = Field(min_length=1)
    previous_path: str | None = None
    content: str | None = None
    encoding: Literal["text", "base64"] = "text"
    last_commit_id: str | None = None
    execute_filemode: bool | None = None


class CommitCreation(Parameters):
    """One commit of several steps."""

    branch: str = Field(min_length=1)
    commit_message: str = Field(min_length=1)
    actions: list[CommitAction]
    start_branch: str | None = None
    start_sha: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    stats: bool = True
    force: bool = False


class CommitReading(Parameters):
    """Whether changed lines are counted."""

    stats: bool = True


class RefFilters(ListParameters):
    """Which refs are wanted."""

    type: Literal["branch", "tag", "all"] = "all"


class RefEntity(BaseModel):
    """A branch or tag that contains a commit."""

    type: str
    name: str


@router.get("/commits")
def list_commits(
    api: ApiRequest, project_ref: str, filters: Annotated[CommitFilters, Params(CommitFilters)]
) -> Response:
    """Commits, newest first."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        start = reading.resolve(repo, filters.ref_name, project.default_branch)
        if start is None:
            if filters.ref_name or not project.empty:
                raise NotFound("Reference")
            return page_of_rows(api, filters, [], lambda row: row)
        rows = reading.log(
            repo,
            start,
            path=filters.path,
            since=filters.since,
            until=filters.until,
            first_parent=filters.first_parent,
            include=reading.tips(repo) if filters.all else None,
        )
        wanted = filters.author
        rows = (row for row in rows if not wanted or wanted in f"{row.author.name} <{row.author.email}>")
        return page_of_stream(api, filters, rows, lambda row: entities.commit(unit, project, row))


@router.post("/commits")
def create_commit(
    api: ApiRequest, project_ref: str, body: Annotated[CommitCreation, Params(CommitCreation)]
) -> Response:
    """Make one commit, all steps or none."""
    if body.start_branch and body.start_sha:
        raise InvalidParameters("start_branch, start_sha are mutually exclusive")
    actions = [Action(**item.model_dump()) for item in body.actions]
    author = (body.author_name, body.author_email)
    project_id, commit = committing.apply(
        api,
        project_ref,
        body.branch,
        body.start_branch or body.start_sha,
        actions,
        body.commit_message,
        author,
        lambda: Forbidden(committing.NOT_ALLOWED),
        body.force,
    )
    with api.read(frozenset({"api"})) as unit:
        project = access.find_project(unit, str(project_id))
        return answer(entities.commit_detail(unit, project, commit, body.stats), 201)


@router.get("/commits/{sha:segment}")
def get_commit(
    api: ApiRequest, project_ref: str, sha: str, wanted: Annotated[CommitReading, Params(CommitReading)]
) -> Response:
    """One commit."""
    with api.read() as unit:
        project, _, commit = _commit(api, unit, project_ref, sha)
        found = statuses.overall(unit, project, str(commit.id))
        return answer(entities.commit_detail(unit, project, commit, wanted.stats, *found))


@router.get("/commits/{sha:segment}/diff")
def get_diff(
    api: ApiRequest, project_ref: str, sha: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """What a commit changed."""
    with api.read() as unit:
        _, _, commit = _commit(api, unit, project_ref, sha)
        parent = commit.parents[0] if commit.parents else None
        rows = entities.differences(reading.difference(parent, commit))
        return page_of_rows(api, page, rows, lambda row: row)


@router.get("/commits/{sha:segment}/refs")
def get_refs(
    api: ApiRequest, project_ref: str, sha: str, filters: Annotated[RefFilters, Params(RefFilters)]
) -> Response:
    """Branches and tags that contain a commit."""
    with api.read() as unit:
        _, repo, commit = _commit(api, unit, project_ref, sha)
        rows = []
        if filters.type in ("branch", "all"):
            tips = [(name, reading.branch(repo, name)) for name in reading.branch_names(repo)]
            rows += [
                RefEntity(type="branch", name=name) for name, tip in tips if _contains(repo, tip, commit)
            ]
        if filters.type in ("tag", "all"):
            for name in reading.tag_names(repo):
                found = reading.tag_target(repo, name)
                if found is not None and _contains(repo, found[0], commit):
                    rows.append(RefEntity(type="tag", name=name))
        return page_of_rows(api, filters, rows, lambda row: row)


@router.get("/commits/{sha:segment}/merge_requests")
def get_merge_requests(
    api: ApiRequest, project_ref: str, sha: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """Merge requests whose head or merge is this commit."""
    with api.read() as unit:
        project, _, commit = _commit(api, unit, project_ref, sha)
        query = select(MergeRequest).where(
            MergeRequest.project_id == project.id,
            (MergeRequest.sha == str(commit.id)) | (MergeRequest.merge_commit_sha == str(commit.id)),
        )
        rows = unit.db.execute(query).scalars().all()
        return page_of_rows(
            api,
            page,
            rows,
            lambda row: {"id": row.id, "iid": row.iid, "title": row.title, "state": row.state},
        )


def _contains(repo: Repository, tip: Commit | None, commit: Commit) -> bool:
    return tip is not None and reading.is_ancestor(repo, commit, tip)


def _commit(api: Api, unit: Unit, project_ref: str, sha: str) -> tuple[Project, Repository, Commit]:
    project = access.readable_project(unit, project_ref)
    repo = api.server.storage.open(project.storage)
    commit = reading.resolve(repo, sha, project.default_branch)
    if commit is None:
        raise NotFound("Commit")
    return project, repo, commit
