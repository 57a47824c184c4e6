"""Members of groups and projects."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from sqlalchemy import select

from sandbox.gitlab.entities import users
from sandbox.gitlab.errors import BadRequest, Conflict, Forbidden, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_query, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import GRANTABLE, Role
from sandbox.gitlab.services import access, members
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Member, Namespace, Project, User

router = APIRouter(prefix="/{kind}/{ref:segment}/members")
Kind = Literal["projects", "groups"]


class MemberFilters(ListParameters):
    """Which members are wanted."""

    query: str | None = None
    user_ids: list[int] | None = None


class MemberCreation(Parameters):
    """A user (by id or name) and a role."""

    user_id: int | str | None = None
    username: str | None = None
    access_level: int
    expires_at: date | None = None


class MemberChange(Parameters):
    """A new role."""

    access_level: int
    expires_at: date | None = None


@router.get("")
def list_members(
    api: ApiRequest, kind: Kind, ref: str, filters: Annotated[MemberFilters, Params(MemberFilters)]
) -> Response:
    """Direct members."""
    with api.read() as unit:
        source = _find(unit, kind, ref)
        query = select(Member).join(User).where(members.belongs(source)).order_by(Member.id)
        if filters.query:
            text = f"%{filters.query}%"
            query = query.where(User.username.like(text) | User.name.like(text))
        if filters.user_ids:
            query = query.where(Member.user_id.in_(filters.user_ids))
        return page_of_query(api, unit, filters, query, lambda row: users.member(unit, row))


@router.get("/all")
def list_all_members(
    api: ApiRequest, kind: Kind, ref: str, filters: Annotated[MemberFilters, Params(MemberFilters)]
) -> Response:
    """Members with those inherited from groups above; the highest role of each."""
    with api.read() as unit:
        rows = sorted(members.inherited(unit, _find(unit, kind, ref)).values(), key=lambda row: row.id)
        return page_of_rows(api, filters, rows, lambda row: users.member(unit, row))


@router.get("/all/{user_id}")
def get_any_member(api: ApiRequest, kind: Kind, ref: str, user_id: int) -> Response:
    """One member, inherited or not."""
    with api.read() as unit:
        row = members.inherited(unit, _find(unit, kind, ref)).get(user_id)
        if row is None:
            raise NotFound()
        return answer(users.member(unit, row))


@router.get("/{user_id}")
def get_member(api: ApiRequest, kind: Kind, ref: str, user_id: int) -> Response:
    """One direct member."""
    with api.read() as unit:
        return answer(users.member(unit, _member(unit, _find(unit, kind, ref), user_id)))


@router.post("")
def add_member(
    api: ApiRequest, kind: Kind, ref: str, body: Annotated[MemberCreation, Params(MemberCreation)]
) -> Response:
    """Give a user a role."""
    with api.write() as unit:
        source = _manage(unit, kind, ref, body.access_level)
        user = _user(unit, body)
        if unit.db.execute(select(Member).where(members.belongs(source), Member.user_id == user.id)).first():
            raise Conflict("Member already exists")
        row = Member(
            source_type=members.type_of(source),
            source_id=source.id,
            user_id=user.id,
            access_level=body.access_level,
            expires_at=body.expires_at,
            created_by_id=unit.user.id,
        )
        row.user = user
        unit.db.add(row)
        unit.db.flush()
        return answer(users.member(unit, row), 201)


@router.put("/{user_id}")
def update_member(
    api: ApiRequest, kind: Kind, ref: str, user_id: int, body: Annotated[MemberChange, Params(MemberChange)]
) -> Response:
    """Change a role."""
    with api.write() as unit:
        source = _manage(unit, kind, ref, body.access_level)
        row = _member(unit, source, user_id)
        row.access_level = body.access_level
        if "expires_at" in body.given():
            row.expires_at = body.expires_at
        return answer(users.member(unit, row))


@router.delete("/{user_id}")
def remove_member(api: ApiRequest, kind: Kind, ref: str, user_id: int) -> Response:
    """Take a role away; everybody may leave."""
    with api.write() as unit:
        least = 0 if user_id == unit.user.id else _least(kind)
        source = _find(unit, kind, ref, least)
        row = _member(unit, source, user_id)
        if isinstance(source, Namespace) and row.access_level == Role.OWNER and _last_owner(unit, source):
            raise Forbidden("Cannot remove the last group owner")
        unit.db.delete(row)
    return no_content()


def _least(kind: Kind) -> int:
    return Role.MAINTAINER if kind == "projects" else Role.OWNER


def _find(unit: Unit, kind: Kind, ref: str, level: int = 0) -> Project | Namespace:
    return (
        access.find_project(unit, ref, level) if kind == "projects" else access.find_group(unit, ref, level)
    )


def _manage(unit: Unit, kind: Kind, ref: str, wanted: int) -> Project | Namespace:
    source = _find(unit, kind, ref, _least(kind))
    if wanted not in GRANTABLE:
        raise BadRequest({"access_level": ["is not included in the list"]})
    own = (
        access.project_level(unit, source)
        if isinstance(source, Project)
        else access.namespace_level(unit, source)
    )
    if wanted > own:
        raise Forbidden
    return source


def _user(unit: Unit, body: MemberCreation) -> User:
    if body.username:
        user = unit.db.execute(select(User).where(User.username == body.username)).scalar_one_or_none()
    elif body.user_id is not None and str(body.user_id).isdigit():
        user = unit.db.get(User, int(body.user_id))
    else:
        raise BadRequest("user_id, username are missing, exactly one parameter must be provided")
    if user is None:
        raise NotFound("User")
    return user


def _member(unit: Unit, source: Project | Namespace, user_id: int) -> Member:
    row = unit.db.execute(
        select(Member).where(members.belongs(source), Member.user_id == user_id)
    ).scalar_one_or_none()
    if row is None:
        raise NotFound()
    return row


def _last_owner(unit: Unit, group: Namespace) -> bool:
    query = select(Member.id).where(members.belongs(group), Member.access_level == Role.OWNER)
    return group.parent_id is None and len(unit.db.execute(query).all()) < 2
