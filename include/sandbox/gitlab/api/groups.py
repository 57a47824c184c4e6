"""Groups, subgroups and namespaces."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field
from sqlalchemy import select

from sandbox.gitlab.entities import groups
from sandbox.gitlab.entities import projects as project_entities
from sandbox.gitlab.errors import BadRequest, EndpointLimited, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, accepted, answer
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access, listing, namespaces, projects, removal, routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Namespace

router = APIRouter()


class GroupFilters(ListParameters):
    """Which groups are wanted."""

    search: str | None = None
    owned: bool = False
    min_access_level: int | None = None
    top_level_only: bool = False
    all_available: bool = True
    skip_groups: list[int] = Field(default_factory=list)
    visibility: str | None = None


class GroupCreation(Parameters):
    """A new group; switches of `GroupSettings` are taken too."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    name: str
    path: str
    parent_id: int | None = None
    description: str | None = None
    visibility: str | None = None


class GroupChange(Parameters):
    """A group's new values."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    name: str | None = None
    path: str | None = None
    description: str | None = None
    visibility: str | None = None


class GroupReading(Parameters):
    """How much of a group is wanted."""

    with_projects: bool = True


class GroupDeletion(Parameters):
    """First or second step."""

    permanently_remove: bool = False
    full_path: str | None = None


class GroupTransfer(Parameters):
    """The new parent; none makes the group a top-level one."""

    group_id: int | None = None


class NamespaceFilters(ListParameters):
    """Which namespaces are wanted."""

    search: str | None = None
    owned_only: bool = False
    top_level_only: bool = False


class NamespaceExistence(Parameters):
    """Where a path is looked for."""

    parent_id: int | None = None


@router.get("/groups")
def list_groups(api: ApiRequest, filters: Annotated[GroupFilters, Params(GroupFilters)]) -> Response:
    """Groups the caller sees."""
    with api.read() as unit:
        rows = listing.groups(unit, **filters.model_dump(exclude={"page", "per_page", "pagination"}))
        return page_of_rows(api, filters, rows, lambda row: groups.group(unit, row))


@router.post("/groups")
def create_group(api: ApiRequest, body: Annotated[GroupCreation, Params(GroupCreation)]) -> Response:
    """Make a group."""
    with api.write() as unit:
        if not api.server.limits.creation_allowed("group", unit.user.id):
            raise EndpointLimited
        row = namespaces.create_group(unit, body.given())
        return answer(groups.group_detail(unit, row, []), 201)


@router.get("/groups/{ref:segment}")
def get_group(api: ApiRequest, ref: str, reading: Annotated[GroupReading, Params(GroupReading)]) -> Response:
    """One group."""
    with api.read() as unit:
        row = access.find_group(unit, ref)
        shown = listing.projects_of(unit, [row.id])[:100] if reading.with_projects else None
        entities = None if shown is None else [project_entities.listed(unit, item) for item in shown]
        return answer(groups.group_detail(unit, row, entities))


@router.put("/groups/{ref:segment}")
def update_group(api: ApiRequest, ref: str, body: Annotated[GroupChange, Params(GroupChange)]) -> Response:
    """Change a group."""
    with api.write() as unit:
        row = access.find_group(unit, ref, Role.OWNER)
        namespaces.update_group(unit, row, body.given())
        return answer(groups.group_detail(unit, row, []))


@router.delete("/groups/{ref:segment}")
def delete_group(
    api: ApiRequest, ref: str, body: Annotated[GroupDeletion, Params(GroupDeletion)]
) -> Response:
    """Mark a group for deletion; a marked subgroup can be removed at once."""
    with api.write() as unit:
        row = access.find_group(unit, ref, Role.OWNER)
        if not body.permanently_remove:
            namespaces.mark_group(row)
        else:
            _remove_now(unit, row, body.full_path)
    return accepted()


@router.post("/groups/{ref:segment}/restore")
def restore_group(api: ApiRequest, ref: str) -> Response:
    """Undo the marking."""
    with api.write() as unit:
        row = access.find_group(unit, ref, Role.OWNER)
        namespaces.restore_group(row)
        return answer(groups.group_detail(unit, row, []), 201)


@router.post("/groups/{ref:segment}/transfer")
def transfer_group(
    api: ApiRequest, ref: str, body: Annotated[GroupTransfer, Params(GroupTransfer)]
) -> Response:
    """Move a group."""
    with api.write() as unit:
        row = access.find_group(unit, ref, Role.OWNER)
        namespaces.transfer_group(unit, row, body.group_id)
        return answer(groups.group_detail(unit, row, []), 201)


@router.post("/groups/{ref:segment}/projects/{project_ref:segment}")
def transfer_project(api: ApiRequest, ref: str, project_ref: str) -> Response:
    """Move a project into the group (administrators)."""
    with api.write() as unit:
        unit.require_admin()
        row = access.find_group(unit, ref)
        projects.transfer(unit, access.find_project(unit, project_ref, Role.OWNER), row)
        return answer(groups.group_detail(unit, row, []), 201)


@router.get("/groups/{ref:segment}/subgroups")
def list_subgroups(
    api: ApiRequest, ref: str, filters: Annotated[GroupFilters, Params(GroupFilters)]
) -> Response:
    """Groups directly inside."""
    with api.read() as unit:
        parent = access.find_group(unit, ref)
        rows = [row for row in listing.groups(unit, search=filters.search) if row.parent_id == parent.id]
        return page_of_rows(api, filters, rows, lambda row: groups.group(unit, row))


@router.get("/groups/{ref:segment}/descendant_groups")
def list_descendants(
    api: ApiRequest, ref: str, filters: Annotated[GroupFilters, Params(GroupFilters)]
) -> Response:
    """Groups inside at any depth."""
    with api.read() as unit:
        top = access.find_group(unit, ref)
        rows = [
            row
            for row in listing.groups(unit, search=filters.search)
            if row.id != top.id and any(item.id == top.id for item in access.ancestors(row))
        ]
        return page_of_rows(api, filters, rows, lambda row: groups.group(unit, row))


@router.get("/namespaces")
def list_namespaces(
    api: ApiRequest, filters: Annotated[NamespaceFilters, Params(NamespaceFilters)]
) -> Response:
    """Namespaces the caller can use."""
    with api.read() as unit:
        _ = unit.user
        rows = [
            row
            for row in unit.db.execute(select(Namespace).order_by(Namespace.id)).scalars()
            if _usable(unit, row)
        ]
        if filters.search:
            rows = [row for row in rows if filters.search.lower() in f"{row.name} {row.path}".lower()]
        if filters.top_level_only:
            rows = [row for row in rows if row.parent_id is None]
        return page_of_rows(api, filters, rows, lambda row: groups.namespace(unit, row))


@router.get("/namespaces/{ref:segment}/exists")
def namespace_exists(
    api: ApiRequest, ref: str, where: Annotated[NamespaceExistence, Params(NamespaceExistence)]
) -> Response:
    """Whether a path is used, with free alternatives."""
    with api.read() as unit:
        _ = unit.user
        parent = unit.db.get(Namespace, where.parent_id) if where.parent_id else None
        above = f"{routing.full_path(unit.db, routing.NAMESPACE, parent.id)}/" if parent else ""
        if not routing.taken(unit.db, above + ref):
            return answer({"exists": False, "suggests": []})
        number = next(n for n in range(1, 1000) if not routing.taken(unit.db, f"{above}{ref}{n}"))
        return answer({"exists": True, "suggests": [f"{ref}{number}"]})


@router.get("/namespaces/{ref:segment}")
def get_namespace(api: ApiRequest, ref: str) -> Response:
    """One namespace."""
    with api.read() as unit:
        _ = unit.user
        row = (
            unit.db.get(Namespace, int(ref))
            if access.numeric(ref)
            else routing.namespace_by_path(unit.db, ref)
        )
        if row is None or not _usable(unit, row):
            raise NotFound("Namespace")
        return answer(groups.namespace(unit, row))


def _usable(unit: Unit, row: Namespace) -> bool:
    if row.kind == "user":
        return unit.admin or row.owner_id == unit.user.id
    return access.sees_group(unit, row)


def _remove_now(unit: Unit, row: Namespace, full_path: str | None) -> None:
    if row.parent_id is None:
        raise BadRequest("`permanently_remove` option is only available for subgroups.")
    if row.marked_for_deletion_on is None:
        raise BadRequest("Group must be marked for deletion first.")
    if full_path != routing.full_path(unit.db, routing.NAMESPACE, row.id):
        raise BadRequest("`full_path` is incorrect. You must enter the complete path for the subgroup.")
    if not unit.server.limits.settings.immediate_deletion:
        raise BadRequest("Group permanent deletion is not enabled. Contact your administrator.")
    removal.remove_group(unit, row)
