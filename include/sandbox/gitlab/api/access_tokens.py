"""Personal, project and group access tokens: making, listing, rotating, revoking."""

from __future__ import annotations

import secrets
from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import Select, select

from sandbox.gitlab.api.users import find_user
from sandbox.gitlab.entities import users
from sandbox.gitlab.errors import BadRequest, NotFound, Unauthorized
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access, namespaces, tokens
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import today
from sandbox.gitlab.store.tables import AccessToken, Member, User

router = APIRouter()
_SELF_READ = frozenset({"read_user", "read_repository", "write_repository", "self_rotate"})
_SELF_ROTATE = frozenset({"self_rotate"})
_LIFE = timedelta(days=30)


class TokenFilters(ListParameters):
    """Which tokens are wanted."""

    user_id: int | None = None
    state: Literal["active", "inactive"] | None = None
    revoked: bool | None = None
    search: str | None = None


class TokenCreation(Parameters):
    """A new token."""

    name: str = Field(min_length=1)
    scopes: list[str]
    expires_at: date | None = None
    description: str | None = None


class ResourceTokenCreation(TokenCreation):
    """A new project or group token; the bot gets the role."""

    access_level: int = 40


class Rotation(Parameters):
    """When the successor ends."""

    expires_at: date | None = None


@router.get("/personal_access_tokens")
def list_tokens(api: ApiRequest, filters: Annotated[TokenFilters, Params(TokenFilters)]) -> Response:
    """The caller's tokens; everybody's for administrators."""
    with api.read() as unit:
        query = select(AccessToken).where(AccessToken.source_type.is_(None))
        owner = filters.user_id if unit.user.admin else unit.user.id
        if not unit.admin and filters.user_id not in (None, unit.user.id):
            raise Unauthorized
        if owner is not None:
            query = query.where(AccessToken.user_id == owner)
        query = _filtered(query, filters)
        return page_of_query(api, unit, filters, query, lambda row: users.access_token(unit, row))


@router.get("/personal_access_tokens/self")
def own_token(api: ApiRequest) -> Response:
    """The token that is being used, whatever its scopes."""
    with api.read(_SELF_READ) as unit:
        return answer(users.access_token(unit, _used(unit)))


@router.post("/personal_access_tokens/self/rotate")
def rotate_own_token(api: ApiRequest, body: Annotated[Rotation, Params(Rotation)]) -> Response:
    """Replace the token that is being used."""
    with api.write(_SELF_ROTATE) as unit:
        return _rotated(unit, _used(unit), body.expires_at)


@router.delete("/personal_access_tokens/self")
def revoke_own_token(api: ApiRequest) -> Response:
    """End the token that is being used."""
    with api.write(_SELF_READ) as unit:
        _used(unit).revoked = True
    return no_content()


@router.get("/personal_access_tokens/{token_id}")
def get_token(api: ApiRequest, token_id: int) -> Response:
    """One token."""
    with api.read() as unit:
        return answer(users.access_token(unit, _own(unit, token_id)))


@router.post("/personal_access_tokens/{token_id}/rotate")
def rotate_token(api: ApiRequest, token_id: int, body: Annotated[Rotation, Params(Rotation)]) -> Response:
    """Replace a token."""
    with api.write() as unit:
        return _rotated(unit, _own(unit, token_id), body.expires_at)


@router.delete("/personal_access_tokens/{token_id}")
def revoke_token(api: ApiRequest, token_id: int) -> Response:
    """End a token."""
    with api.write() as unit:
        _own(unit, token_id).revoked = True
    return no_content()


@router.post("/users/{user_id}/personal_access_tokens")
def create_token(
    api: ApiRequest, user_id: int, body: Annotated[TokenCreation, Params(TokenCreation)]
) -> Response:
    """An administrator makes a token for a user. The secret is in this answer only."""
    with api.write() as unit:
        unit.require_admin()
        user = find_user(unit, user_id)
        token, secret = tokens.create(unit.db, user_id=user.id, **body.model_dump())
        return answer(users.access_token(unit, token).model_dump() | {"token": secret}, 201)


@router.get("/{kind}/{ref:segment}/access_tokens")
def list_resource_tokens(
    api: ApiRequest,
    kind: Literal["projects", "groups"],
    ref: str,
    filters: Annotated[TokenFilters, Params(TokenFilters)],
) -> Response:
    """A project's or group's tokens."""
    with api.read() as unit:
        source = _source(unit, kind, ref)
        query = select(AccessToken).where(
            AccessToken.source_type == source[0], AccessToken.source_id == source[1]
        )
        query = _filtered(query, filters)
        return page_of_query(api, unit, filters, query, lambda row: _resource_entity(unit, row))


@router.post("/{kind}/{ref:segment}/access_tokens")
def create_resource_token(
    api: ApiRequest,
    kind: Literal["projects", "groups"],
    ref: str,
    body: Annotated[ResourceTokenCreation, Params(ResourceTokenCreation)],
) -> Response:
    """Make a bot with a role here and a token for it. A bot cannot make bots."""
    with api.write() as unit:
        source = _source(unit, kind, ref)
        if unit.user.bot:
            raise BadRequest(f"User does not have permission to create {kind[:-1]} access token")
        if body.access_level not in (10, 15, 20, 30, 40, 50):
            raise BadRequest("access_level does not have a valid value")
        bot = _bot(unit, kind[:-1], source[1], body.name)
        unit.db.add(
            Member(source_type=source[0], source_id=source[1], user_id=bot.id, access_level=body.access_level)
        )
        token, secret = tokens.create(
            unit.db,
            user_id=bot.id,
            name=body.name,
            scopes=body.scopes,
            expires_at=body.expires_at or today() + _LIFE,
            description=body.description,
            source=source,
        )
        return answer(_resource_entity(unit, token).model_dump() | {"token": secret}, 201)


@router.get("/{kind}/{ref:segment}/access_tokens/{token_id}")
def get_resource_token(
    api: ApiRequest, kind: Literal["projects", "groups"], ref: str, token_id: int
) -> Response:
    """One of a project's or group's tokens."""
    with api.read() as unit:
        return answer(_resource_entity(unit, _resource_token(unit, kind, ref, token_id)))


@router.post("/{kind}/{ref:segment}/access_tokens/{token_id}/rotate")
def rotate_resource_token(
    api: ApiRequest,
    kind: Literal["projects", "groups"],
    ref: str,
    token_id: int,
    body: Annotated[Rotation, Params(Rotation)],
) -> Response:
    """Replace a project's or group's token; the old one ends at once."""
    with api.write() as unit:
        token, secret = tokens.rotate(unit.db, _resource_token(unit, kind, ref, token_id), body.expires_at)
        return answer(_resource_entity(unit, token).model_dump() | {"token": secret})


@router.delete("/{kind}/{ref:segment}/access_tokens/{token_id}")
def revoke_resource_token(
    api: ApiRequest, kind: Literal["projects", "groups"], ref: str, token_id: int
) -> Response:
    """End a project's or group's token, and its bot's role."""
    with api.write() as unit:
        token = _resource_token(unit, kind, ref, token_id)
        token.revoked = True
        for member in unit.db.execute(select(Member).where(Member.user_id == token.user_id)).scalars():
            unit.db.delete(member)
    return no_content()


def _used(unit: Unit) -> AccessToken:
    if unit.caller.token is None:
        raise Unauthorized
    return unit.caller.token


def _own(unit: Unit, token_id: int) -> AccessToken:
    token = unit.db.get(AccessToken, token_id)
    if token is None or not (unit.user.admin or token.user_id == unit.user.id):
        raise NotFound() if unit.admin else Unauthorized
    return token


def _rotated(unit: Unit, token: AccessToken, expires_at: date | None) -> Response:
    successor, secret = tokens.rotate(unit.db, token, expires_at)
    return answer(users.access_token(unit, successor).model_dump() | {"token": secret})


def _filtered(query: Select[AccessToken], filters: TokenFilters) -> Select[AccessToken]:
    alive = AccessToken.revoked.is_(False) & (
        AccessToken.expires_at.is_(None) | (AccessToken.expires_at > today())
    )
    if filters.state is not None:
        query = query.where(alive if filters.state == "active" else ~alive)
    if filters.revoked is not None:
        query = query.where(AccessToken.revoked == filters.revoked)
    if filters.search:
        query = query.where(AccessToken.name.like(f"%{filters.search}%"))
    return query.order_by(AccessToken.id)


def _source(unit: Unit, kind: str, ref: str) -> tuple[str, int]:
    if kind == "projects":
        return "project", access.find_project(unit, ref, Role.MAINTAINER).id
    return "namespace", access.find_group(unit, ref, Role.OWNER).id


def _resource_token(unit: Unit, kind: str, ref: str, token_id: int) -> AccessToken:
    source = _source(unit, kind, ref)
    token = unit.db.get(AccessToken, token_id)
    if token is None or (token.source_type, token.source_id) != source:
        raise NotFound(f"Could not find {kind[:-1]} access token with token_id: {token_id}")
    return token


def _resource_entity(unit: Unit, row: AccessToken) -> users.ResourceTokenEntity:
    query = select(Member.access_level).where(
        Member.user_id == row.user_id,
        Member.source_type == row.source_type,
        Member.source_id == row.source_id,
    )
    return users.resource_token(unit, row, unit.db.execute(query).scalar_one_or_none() or 0)


def _bot(unit: Unit, kind: str, source_id: int, name: str) -> User:
    username = f"{kind}_{source_id}_bot_{secrets.token_hex(16)}"
    values = {"username": username, "name": name, "email": f"{username}@noreply.localhost", "bot": True}
    return namespaces.create_user(unit, values | {"can_create_group": False, "projects_limit": 0})
