"""Branches and their protection."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from sandbox.gitlab.entities import repository as entities
from sandbox.gitlab.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidFields,
    NotAllowed,
    NotFound,
    Unprocessable,
)
from sandbox.gitlab.http.pagination import ListParameters, page_of_query, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, accepted, answer, no_content
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import WriteRefused
from sandbox.gitlab.rules.access import DESCRIPTIONS, Role
from sandbox.gitlab.services import access, commits
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import BranchAccess, ProtectedBranch

router = APIRouter(prefix="/projects/{project_ref:segment}")
_LEVELS = (0, 30, 40, 60)


class BranchFilters(ListParameters):
    """Which branches are wanted."""

    search: str | None = None
    regex: str | None = None


class BranchCreation(Parameters):
    """A new branch."""

    branch: str = Field(min_length=1)
    ref: str = Field(min_length=1)


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


@router.get("/repository/branches")
def list_branches(
    api: ApiRequest, project_ref: str, filters: Annotated[BranchFilters, Params(BranchFilters)]
) -> Response:
    """Branches by name."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        policy = commits.policy(unit, project)
        names = [name for name in reading.branch_names(repo) if _matches(name, filters)]

        def make(name: str) -> entities.BranchEntity:
            commit = reading.branch(repo, name)
            if commit is None:
                raise NotFound("Branch")
            return entities.branch(unit, project, repo, name, commit, policy)

        return page_of_rows(api, filters, names, make)


@router.get("/repository/branches/{branch:segment}")
def get_branch(api: ApiRequest, project_ref: str, branch: str) -> Response:
    """One branch."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        commit = reading.branch(repo, branch)
        if commit is None:
            raise NotFound("Branch")
        return answer(entities.branch(unit, project, repo, branch, commit, commits.policy(unit, project)))


@router.post("/repository/branches")
def create_branch(
    api: ApiRequest, project_ref: str, body: Annotated[BranchCreation, Params(BranchCreation)]
) -> Response:
    """Make a branch."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    if policy.covering(body.branch) and not policy.may_push(body.branch):
        raise Forbidden("You are not allowed to create protected branches on this project.")
    with api.server.storage.locked(project.storage) as repo:
        start = reading.resolve(repo, body.ref, project.default_branch)
        if start is None:
            raise BadRequest(f"Invalid reference name: {body.ref}")
        try:
            writing.create_branch(repo, body.branch, start)
        except WriteRefused as problem:
            raise BadRequest(str(problem)) from None
        commits.follow(
            api,
            project.id,
            user,
            [AppliedChange(reading.BRANCHES + body.branch, commits.ZERO, str(start.id))],
        )
    with api.read(frozenset({"api"})) as unit:
        return answer(entities.branch(unit, project, repo, body.branch, start, policy), 201)


@router.delete("/repository/merged_branches")
def delete_merged_branches(api: ApiRequest, project_ref: str) -> Response:
    """Remove all merged branches that are not protected."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    with api.server.storage.locked(project.storage) as repo:
        default = reading.branch(repo, project.default_branch or "")
        changes = []
        for name in reading.branch_names(repo):
            commit = reading.branch(repo, name)
            if commit is None or default is None or name == project.default_branch or policy.covering(name):
                continue
            if reading.is_ancestor(repo, commit, default):
                writing.delete_ref(repo, reading.BRANCHES + name)
                changes.append(AppliedChange(reading.BRANCHES + name, str(commit.id), commits.ZERO))
        commits.follow(api, project.id, user, changes)
    return accepted()


@router.delete("/repository/branches/{branch:segment}")
def delete_branch(api: ApiRequest, project_ref: str, branch: str) -> Response:
    """Remove a branch."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    with api.server.storage.locked(project.storage) as repo:
        commit = reading.branch(repo, branch)
        if commit is None:
            raise NotFound("Branch")
        if branch == project.default_branch:
            raise NotAllowed("Cannot remove HEAD branch")
        if policy.covering(branch) and policy.level < Role.MAINTAINER:
            raise NotAllowed("You dont have push access to repo")
        writing.delete_ref(repo, reading.BRANCHES + branch)
        commits.follow(
            api, project.id, user, [AppliedChange(reading.BRANCHES + branch, str(commit.id), commits.ZERO)]
        )
    return no_content()


@router.get("/protected_branches")
def list_protected(
    api: ApiRequest, project_ref: str, filters: Annotated[BranchFilters, Params(BranchFilters)]
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


@router.get("/protected_branches/{name:segment}")
def get_protected(api: ApiRequest, project_ref: str, name: str) -> Response:
    """One protection."""
    with api.read() as unit:
        return answer(_entity(_row(unit, access.find_project(unit, project_ref, Role.DEVELOPER), name)))


@router.post("/protected_branches")
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


@router.patch("/protected_branches/{name:segment}")
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


@router.delete("/protected_branches/{name:segment}")
def unprotect_branch(api: ApiRequest, project_ref: str, name: str) -> Response:
    """Take a protection away."""
    with api.write() as unit:
        unit.db.delete(_row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), name))
    return no_content()


def _matches(name: str, filters: BranchFilters) -> bool:
    if filters.regex:
        try:
            return re.search(filters.regex, name) is not None
        except re.error:
            raise BadRequest("Invalid regular expression") from None
    text = filters.search or ""
    if text.startswith("^") and text.endswith("$") and len(text) > 1:
        return name == text[1:-1]
    if text.startswith("^"):
        return name.startswith(text[1:])
    return name.endswith(text[:-1]) if text.endswith("$") else text in name


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
