"""Projects: create, read, list, update, move, archive, delete, restore."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, field_validator
from sqlalchemy import Select

from sandbox.gitlab.entities import projects as entities
from sandbox.gitlab.entities import users
from sandbox.gitlab.errors import BadRequest, EndpointLimited, InvalidParameters
from sandbox.gitlab.http.pagination import (
    ListParameters,
    check_offset,
    keyset_page,
    page_of_query,
    page_of_rows,
)
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import Api, ApiRequest, accepted, answer
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access, listing, members, projects
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project

router = APIRouter()


class ProjectFilters(ListParameters):
    """Which projects are wanted, and in what order."""

    archived: bool | None = None
    membership: bool = False
    min_access_level: int | None = None
    owned: bool = False
    search: str | None = None
    search_namespaces: bool = False
    simple: bool = False
    topic: str | None = None
    visibility: Literal["private", "internal", "public"] | None = None
    include_subgroups: bool = False
    include_pending_delete: bool | None = None
    order_by: (
        Literal["id", "name", "path", "created_at", "updated_at", "star_count", "last_activity_at"] | None
    ) = None
    sort: Literal["asc", "desc"] | None = None


class ProjectFields(Parameters):
    """What can be set on a project; switches of `ProjectSettings` are taken too."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    name: str | None = None
    path: str | None = None
    description: str | None = Field(default=None, max_length=2000)
    visibility: Literal["private", "internal", "public"] | None = None
    default_branch: str | None = None
    topics: list[str] | None = None
    tag_list: list[str] | None = None

    @field_validator("topics", "tag_list", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value


class ProjectCreation(ProjectFields):
    """A new project."""

    namespace_id: int | None = None
    initialize_with_readme: bool = False
    import_url: str | None = None


class ProjectTransfer(Parameters):
    """Where to: an id or a full path."""

    namespace: str


class ProjectDeletion(Parameters):
    """First or second step."""

    permanently_remove: bool = False
    full_path: str | None = None


class UserFilters(ListParameters):
    """Which people of a project are wanted."""

    search: str | None = None


@router.get("/projects")
def list_projects(api: ApiRequest, filters: Annotated[ProjectFilters, Params(ProjectFilters)]) -> Response:
    """Projects the caller sees."""
    with api.read() as unit:
        return _listed(api, unit, filters, listing.visible_projects(unit))


@router.get("/groups/{ref:segment}/projects")
def list_group_projects(
    api: ApiRequest, ref: str, filters: Annotated[ProjectFilters, Params(ProjectFilters)]
) -> Response:
    """Projects of a group, with those of subgroups when asked for."""
    with api.read() as unit:
        group = access.find_group(unit, ref)
        inside = listing.descendants(unit, [group.id]) if filters.include_subgroups else [group.id]
        query = listing.visible_projects(unit).where(Project.namespace_id.in_(inside))
        return _listed(api, unit, filters, query)


@router.get("/users/{user_id}/projects")
def list_user_projects(
    api: ApiRequest, user_id: int, filters: Annotated[ProjectFilters, Params(ProjectFilters)]
) -> Response:
    """Projects in a user's own namespace."""
    with api.read() as unit:
        query = listing.visible_projects(unit).where(Project.namespace.has(owner_id=user_id))
        return _listed(api, unit, filters, query)


@router.post("/projects")
def create_project(api: ApiRequest, body: Annotated[ProjectCreation, Params(ProjectCreation)]) -> Response:
    """Make a project."""
    if body.name is None and body.path is None:
        raise InvalidParameters("name, path are missing, at least one parameter must be provided")
    if body.import_url is not None:
        text = (
            "import_url is not enabled"
            if not body.initialize_with_readme
            else "import_url and initialize_with_readme are mutually exclusive"
        )
        raise InvalidParameters(text)
    with api.write() as unit:
        if not api.server.limits.creation_allowed("project", unit.user.id):
            raise EndpointLimited
        return answer(entities.single(unit, projects.create(unit, body.given())), 201)


@router.get("/projects/{project_ref:segment}")
def get_project(api: ApiRequest, project_ref: str) -> Response:
    """One project, by id or full path."""
    with api.read() as unit:
        return answer(entities.single(unit, access.find_project(unit, project_ref)))


@router.put("/projects/{project_ref:segment}")
def update_project(
    api: ApiRequest, project_ref: str, body: Annotated[ProjectFields, Params(ProjectFields)]
) -> Response:
    """Change a project."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.MAINTAINER)
        if not body.given():
            raise InvalidParameters("at least one parameter must be provided")
        if {"path", "visibility"} & set(body.given()):
            access.find_project(unit, project_ref, Role.OWNER)
        projects.update(unit, project, body.given())
        return answer(entities.single(unit, project))


@router.delete("/projects/{project_ref:segment}")
def delete_project(
    api: ApiRequest, project_ref: str, body: Annotated[ProjectDeletion, Params(ProjectDeletion)]
) -> Response:
    """Mark for deletion, or remove what is marked."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.OWNER)
        if body.permanently_remove:
            projects.remove_marked(unit, project, body.full_path)
        else:
            projects.mark(unit, project)
    return accepted()


@router.post("/projects/{project_ref:segment}/restore")
def restore_project(api: ApiRequest, project_ref: str) -> Response:
    """Undo the marking."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.OWNER)
        projects.restore(unit, project)
        return answer(entities.single(unit, project), 201)


@router.post("/projects/{project_ref:segment}/archive")
def archive_project(api: ApiRequest, project_ref: str) -> Response:
    """Make a project read-only."""
    return _set_archived(api, project_ref, True)


@router.post("/projects/{project_ref:segment}/unarchive")
def unarchive_project(api: ApiRequest, project_ref: str) -> Response:
    """Make a project writable again."""
    return _set_archived(api, project_ref, False)


@router.put("/projects/{project_ref:segment}/transfer")
def transfer_project(
    api: ApiRequest, project_ref: str, body: Annotated[ProjectTransfer, Params(ProjectTransfer)]
) -> Response:
    """Move a project to another namespace."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.OWNER)
        projects.transfer(unit, project, projects.target_namespace(unit, body.namespace))
        return answer(entities.single(unit, project))


@router.get("/projects/{project_ref:segment}/users")
def list_project_users(
    api: ApiRequest, project_ref: str, filters: Annotated[UserFilters, Params(UserFilters)]
) -> Response:
    """People with a role in the project."""
    with api.read() as unit:
        rows = members.people(unit, access.find_project(unit, project_ref), filters.search)
        return page_of_rows(api, filters, rows, lambda row: users.basic(unit, row))


def _listed(api: Api, unit: Unit, filters: ProjectFilters, query: Select[Project]) -> Response:
    check_offset(api, filters, "Project")
    make = entities.basic if filters.simple else entities.listed
    query = listing.filtered(unit, query, filters)
    if filters.pagination == "keyset":
        return keyset_page(api, unit, filters, query, Project.id, lambda row: make(unit, row))
    return page_of_query(api, unit, filters, query, lambda row: make(unit, row))


def _set_archived(api: Api, project_ref: str, archived: bool) -> Response:
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.OWNER)
        if project.marked_for_deletion_on is not None:
            raise BadRequest("Project is pending deletion")
        project.archived = archived
        return answer(entities.single(unit, project), 201)
