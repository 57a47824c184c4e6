"""Protection of branches."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from sandbox.gitlab.errors import (
    Conflict,
    InvalidFields,
    NotFound,
    Unprocessable,
)
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import DESCRIPTIONS, Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import BranchAccess, ProtectedBranch

router = APIRouter(prefix="/projects/{project_ref:segment}/protected_branches")
_LEVELS = (0, 30, 40, 60)


class ProtectionFilters(ListParameters):
    """Which protections are wanted."""

    search: str | None = None


class AccessLevel(Parameters):
    """One role of a protection, or the removal of one."""

    id: int | None = None
    access_level: int | None = None
    destroy: bool = Field(default=False, alias="_destroy")


class Protecting(Parameters):
    """A new protection."""

    name: str = Field(min_length=1)
    push_access_level: int | None = None
    merge_access_level: int | None = None
    unprotect_access_level: int | None = None
    allow_force_push: bool = False
    allowed_to_push: list[AccessLevel] = Field(default_factory=list)
    allowed_to_merge: list[AccessLevel] = Field(default_factory=list)
    code_owner_approval_required: bool = False


class ProtectionChange(Parameters):
    """A protection's new values."""

    allow_force_push: bool | None = None
    allowed_to_push: list[AccessLevel] = Field(default_factory=list)
    allowed_to_merge: list[AccessLevel] = Field(default_factory=list)


class AccessEntity(BaseModel):
    """A role in a protection."""

    id: int
    access_level: int
    access_level_description: str
    deploy_key_id: int | None = None
    user_id: int | None = None
    group_id: int | None = None


class ProtectedBranchEntity(BaseModel):
    """A protection."""

    id: int
    name: str
    push_access_levels: list[AccessEntity]
    merge_access_levels: list[AccessEntity]
    unprotect_access_levels: list[AccessEntity]
    allow_force_push: bool
    code_owner_approval_required: bool = False
    inherited: bool = False


@router.get("")
def list_protected(
    api: ApiRequest, project_ref: str, filters: Annotated[ProtectionFilters, Params(ProtectionFilters)]
) -> Response:
    """Protections."""
    with api.read() as unit:
        project = access.find_project(unit, project_ref, Role.DEVELOPER)
        query = (
            select(ProtectedBranch)
            .where(ProtectedBranch.project_id == project.id)
            .order_by(ProtectedBranch.id)
        )
        if filters.search:
            query = query.where(ProtectedBranch.name.like(f"%{filters.search}%"))
        return page_of_query(api, unit, filters, query, _entity)


@router.get("/{name:segment}")
def get_protected(api: ApiRequest, project_ref: str, name: str) -> Response:
    """One protection."""
    with api.read() as unit:
        return answer(_entity(_row(unit, access.find_project(unit, project_ref, Role.DEVELOPER), name)))


@router.post("")
def protect_branch(
    api: ApiRequest, project_ref: str, body: Annotated[Protecting, Params(Protecting)]
) -> Response:
    """Protect a branch or wildcard."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.MAINTAINER)
        present = select(ProtectedBranch.id).where(
            ProtectedBranch.project_id == project.id, ProtectedBranch.name == body.name
        )
        if unit.db.execute(present).first():
            raise Conflict(f"Protected branch '{body.name}' already exists")
        row = ProtectedBranch(project_id=project.id, name=body.name, allow_force_push=body.allow_force_push)
        row.access = [
            *_levels("push", body.push_access_level, body.allowed_to_push),
            *_levels("merge", body.merge_access_level, body.allowed_to_merge),
        ]
        if body.unprotect_access_level is not None:
            row.access.append(_level("unprotect", body.unprotect_access_level))
        unit.db.add(row)
        unit.db.flush()
        return answer(_entity(row), 201)


@router.patch("/{name:segment}")
def change_protection(
    api: ApiRequest, project_ref: str, name: str, body: Annotated[ProtectionChange, Params(ProtectionChange)]
) -> Response:
    """Change a protection: roles with an `id` are changed or removed, others are added."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), name)
        if body.allow_force_push is not None:
            row.allow_force_push = body.allow_force_push
        _change_levels(row, "push", body.allowed_to_push)
        _change_levels(row, "merge", body.allowed_to_merge)
        unit.db.flush()
        return answer(_entity(row))


@router.delete("/{name:segment}")
def unprotect_branch(api: ApiRequest, project_ref: str, name: str) -> Response:
    """Take a protection away."""
    with api.write() as unit:
        unit.db.delete(_row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), name))
    return no_content()


def _row(unit: Unit, project: Project, name: str) -> ProtectedBranch:
    query = select(ProtectedBranch).where(
        ProtectedBranch.project_id == project.id, ProtectedBranch.name == name
    )
    row = unit.db.execute(query).scalar_one_or_none()
    if row is None:
        raise NotFound()
    return row


def _level(kind: str, level: int) -> BranchAccess:
    if level not in _LEVELS:
        raise Unprocessable([f"{kind.title()} access levels access level is not included in the list"])
    return BranchAccess(kind=kind, access_level=level)


def _levels(kind: str, single: int | None, several: list[AccessLevel]) -> list[BranchAccess]:
    chosen = [item.access_level for item in several if item.access_level is not None]
    if single is not None or not chosen:
        chosen.insert(0, Role.MAINTAINER if single is None else single)
    return [_level(kind, level) for level in chosen]


def _change_levels(row: ProtectedBranch, kind: str, wanted: list[AccessLevel]) -> None:
    present = {item.id: item for item in row.access if item.kind == kind}
    for item in wanted:
        if item.id is None:
            if item.access_level is not None:
                row.access.append(_level(kind, item.access_level))
            continue
        if item.id not in present:
            raise InvalidFields({"base": [f"{kind} access level {item.id} does not exist"]})
        if item.destroy:
            row.access.remove(present[item.id])
        elif item.access_level is not None:
            present[item.id].access_level = _level(kind, item.access_level).access_level


def _entity(row: ProtectedBranch) -> ProtectedBranchEntity:
    shown: dict[str, list[Any]] = {"push": [], "merge": [], "unprotect": []}
    for item in row.access:
        text = DESCRIPTIONS.get(item.access_level, "")
        shown[item.kind].append(
            AccessEntity(id=item.id, access_level=item.access_level, access_level_description=text)
        )
    return ProtectedBranchEntity(
        id=row.id,
        name=row.name,
        push_access_levels=shown["push"],
        merge_access_levels=shown["merge"],
        unprotect_access_levels=shown["unprotect"],
        allow_force_push=row.allow_force_push,
    )
