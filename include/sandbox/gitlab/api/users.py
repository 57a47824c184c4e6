"""Users: the current one, others, and an administrator's making of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import or_, select

from sandbox.gitlab.entities import users
from sandbox.gitlab.errors import Forbidden, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.services import namespaces
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import User

router = APIRouter()
_READ_USER = frozenset({"read_user"})


class UserFilters(ListParameters):
    """How users are looked up."""

    username: str | None = None
    search: str | None = None
    active: bool | None = None
    external: bool | None = None
    humans: bool | None = None


class UserCreation(Parameters):
    """A new account. The password is not used: there is no sign-in page."""

    email: str
    name: str = Field(min_length=1)
    username: str = Field(min_length=1)
    admin: bool = False
    external: bool = False
    can_create_group: bool = True
    projects_limit: int = 100000
    bio: str = ""


class UserChange(Parameters):
    """An administrator's change of an account."""

    email: str | None = None
    name: str | None = None
    admin: bool | None = None
    external: bool | None = None
    can_create_group: bool | None = None
    projects_limit: int | None = None
    bio: str | None = None


@router.get("/user")
def current_user(api: ApiRequest) -> Response:
    """The caller."""
    with api.read(_READ_USER) as unit:
        return answer(_full(unit, unit.user))


@router.get("/users")
def list_users(api: ApiRequest, filters: Annotated[UserFilters, Params(UserFilters)]) -> Response:
    """Users by name or search text."""
    with api.read(_READ_USER) as unit:
        if unit.caller.user is None and filters.username is None:
            raise Forbidden("Not authorized to access /api/v4/users")
        query = select(User).order_by(User.id.asc() if filters.sort == "asc" else User.id.desc())
        if filters.username:
            query = query.where(User.username.collate("NOCASE") == filters.username)
        if filters.search:
            text = f"%{filters.search}%"
            query = query.where(
                or_(User.username.like(text), User.name.like(text), User.email == filters.search)
            )
        if filters.active:
            query = query.where(User.state == "active")
        if filters.external is not None:
            query = query.where(User.external == filters.external)
        if filters.humans:
            query = query.where(User.bot.is_(False))
        make = _full if unit.admin else users.basic
        return page_of_query(api, unit, filters, query, lambda row: make(unit, row))


@router.get("/users/{user_id}")
def get_user(api: ApiRequest, user_id: int) -> Response:
    """One user."""
    with api.read(_READ_USER) as unit:
        user = find_user(unit, user_id)
        return answer(_full(unit, user) if unit.admin else users.public(unit, user))


@router.post("/users")
def create_user(api: ApiRequest, body: Annotated[UserCreation, Params(UserCreation)]) -> Response:
    """Make an account."""
    with api.write() as unit:
        unit.require_admin()
        return answer(_full(unit, namespaces.create_user(unit, body.model_dump())), 201)


@router.put("/users/{user_id}")
def update_user(api: ApiRequest, user_id: int, body: Annotated[UserChange, Params(UserChange)]) -> Response:
    """Change an account."""
    with api.write() as unit:
        unit.require_admin()
        user = find_user(unit, user_id)
        for field, value in body.given().items():
            setattr(user, field, value)
        return answer(_full(unit, user))


@router.post("/users/{user_id}/block")
def block_user(api: ApiRequest, user_id: int) -> Response:
    """Lock an account out."""
    return _set_state(api, user_id, "blocked")


@router.post("/users/{user_id}/unblock")
def unblock_user(api: ApiRequest, user_id: int) -> Response:
    """Let an account in again."""
    return _set_state(api, user_id, "active")


@router.delete("/users/{user_id}")
def delete_user(api: ApiRequest, user_id: int) -> Response:
    """Close an account. Its rows stay, for what it made stays too."""
    with api.write() as unit:
        unit.require_admin()
        user = find_user(unit, user_id)
        user.state = "deactivated"
    return no_content()


def find_user(unit: Unit, user_id: int) -> User:
    """The user with that id."""
    user = unit.db.get(User, user_id)
    if user is None:
        raise NotFound("User")
    return user


def _full(unit: Unit, user: User) -> users.UserFull:
    own = namespaces.namespace_of(unit, user) if unit.admin else None
    return users.full(unit, user, own.id if own else None)


def _set_state(api: ApiRequest, user_id: int, state: str) -> Response:
    with api.write() as unit:
        unit.require_admin()
        find_user(unit, user_id).state = state
    return answer(True, 201)  # type: ignore[arg-type]  # GitLab answers a bare `true`
