"""Tags."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from sandbox.gitlab.entities import repository as entities
from sandbox.gitlab.errors import BadRequest, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import Author, WriteRefused
from sandbox.gitlab.services import access, commits, pushes

router = APIRouter(prefix="/projects/{project_ref:segment}/repository/tags")


class TagFilters(ListParameters):
    """Which tags are wanted, and in what order."""

    search: str = ""
    order_by: str | None = "updated"


class TagCreation(Parameters):
    """A new tag; with a message it is annotated."""

    tag_name: str = Field(min_length=1)
    ref: str = Field(min_length=1)
    message: str = ""


@router.get("")
def list_tags(
    api: ApiRequest, project_ref: str, filters: Annotated[TagFilters, Params(TagFilters)]
) -> Response:
    """Tags, newest first unless ordered by name."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        names = [name for name in reading.tag_names(repo) if _matches(name, filters.search)]
        found = [(name, target) for name in names if (target := reading.tag_target(repo, name)) is not None]
        if filters.order_by == "updated":
            found.sort(key=lambda item: item[1][0].commit_time)
        if filters.sort != "asc":
            found.reverse()
        return page_of_rows(api, filters, found, lambda row: entities.tag(unit, project, row[0], *row[1]))


@router.get("/{tag:segment}")
def get_tag(api: ApiRequest, project_ref: str, tag: str) -> Response:
    """One tag."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        found = reading.tag_target(api.server.storage.open(project.storage), tag)
        if found is None:
            raise NotFound("Tag")
        return answer(entities.tag(unit, project, tag, *found))


@router.post("")
def create_tag(
    api: ApiRequest, project_ref: str, body: Annotated[TagCreation, Params(TagCreation)]
) -> Response:
    """Make a tag."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        tagger = Author(unit.user.name, unit.user.email)
    with api.server.storage.locked(project.storage) as repo:
        target = reading.resolve(repo, body.ref, project.default_branch)
        if target is None:
            raise BadRequest("Target is invalid")
        try:
            writing.create_tag(repo, body.tag_name, target, body.message, tagger)
        except WriteRefused as problem:
            raise BadRequest(str(problem)) from None
        made = reading.tag_target(repo, body.tag_name)
        if made is None:
            raise NotFound("Tag")
        pushes.record_now(
            api.server,
            project.id,
            user.id,
            [AppliedChange(reading.TAGS + body.tag_name, commits.ZERO, made[1])],
        )
    with api.read(frozenset({"api"})) as unit:
        return answer(entities.tag(unit, project, body.tag_name, *made), 201)


@router.delete("/{tag:segment}")
def delete_tag(api: ApiRequest, project_ref: str, tag: str) -> Response:
    """Remove a tag."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
    with api.server.storage.locked(project.storage) as repo:
        found = reading.tag_target(repo, tag)
        if found is None:
            raise NotFound("Tag")
        writing.delete_ref(repo, reading.TAGS + tag)
        pushes.record_now(
            api.server, project.id, user.id, [AppliedChange(reading.TAGS + tag, found[1], commits.ZERO)]
        )
    return no_content()


def _matches(name: str, search: str) -> bool:
    if search.startswith("^"):
        return name.startswith(search[1:])
    return name.endswith(search[:-1]) if search.endswith("$") else search in name
