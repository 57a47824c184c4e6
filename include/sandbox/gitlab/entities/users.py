"""Users, members and access tokens as the API writes them."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store import tables
from sandbox.gitlab.store.base import today


class UserBasic(BaseModel):
    """A user as others see one."""

    id: int
    username: str
    public_email: str | None = ""
    name: str
    state: str
    locked: bool = False
    avatar_url: str
    web_url: str


class UserPublic(UserBasic):
    """A user's profile."""

    created_at: Moment
    bio: str = ""
    location: str | None = ""
    linkedin: str = ""
    twitter: str = ""
    discord: str = ""
    website_url: str = ""
    github: str = ""
    job_title: str = ""
    pronouns: str | None = None
    organization: str | None = ""
    bot: bool = False
    work_information: str | None = None
    followers: int = 0
    following: int = 0
    is_followed: bool = False
    local_time: str | None = None


class UserFull(UserPublic):
    """The caller's own account, or any for administrators."""

    last_sign_in_at: Moment
    confirmed_at: Moment
    last_activity_on: date
    email: str
    theme_id: int | None = 1
    color_scheme_id: int = 1
    projects_limit: int
    current_sign_in_at: Moment
    identities: list[dict[str, str]] = Field(default_factory=list)
    can_create_group: bool
    can_create_project: bool = True
    two_factor_enabled: bool = False
    external: bool
    private_profile: bool = False
    commit_email: str
    preferred_language: str = "en"
    shared_runners_minutes_limit: int | None = None
    extra_shared_runners_minutes_limit: int | None = None
    scim_identities: list[dict[str, str]] = Field(default_factory=list)
    is_admin: bool | None = None
    namespace_id: int | None = None


class MemberEntity(UserBasic):
    """A user in a role."""

    access_level: int
    created_at: Moment
    created_by: UserBasic | None = None
    expires_at: date | None
    membership_state: str = "active"


class AccessTokenEntity(BaseModel):
    """An access token without its secret."""

    id: int
    name: str
    revoked: bool
    created_at: Moment
    description: str | None
    scopes: list[str]
    user_id: int
    last_used_at: Moment | None
    active: bool
    expires_at: date | None


class ResourceTokenEntity(AccessTokenEntity):
    """A project's or group's access token."""

    access_level: int
    resource_type: str
    resource_id: int


def basic(unit: Unit, user: tables.User) -> UserBasic:
    """A user as others see one."""
    return UserBasic(**_basic(unit, user))


def public(unit: Unit, user: tables.User) -> UserPublic:
    """A user's profile."""
    return UserPublic(**_basic(unit, user), created_at=user.created_at, bot=user.bot, bio=user.bio)


def full(unit: Unit, user: tables.User, namespace_id: int | None) -> UserFull:
    """An account with everything its owner sees."""
    return UserFull(
        **_basic(unit, user),
        created_at=user.created_at,
        bot=user.bot,
        bio=user.bio,
        last_sign_in_at=user.created_at,
        confirmed_at=user.created_at,
        last_activity_on=today(),
        email=user.email,
        projects_limit=user.projects_limit,
        current_sign_in_at=user.created_at,
        can_create_group=user.can_create_group,
        external=user.external,
        commit_email=user.email,
        is_admin=True if user.admin else None,
        namespace_id=namespace_id,
    )


def member(unit: Unit, row: tables.Member) -> MemberEntity:
    """A member of a group or project."""
    creator = unit.db.get(tables.User, row.created_by_id) if row.created_by_id else None
    return MemberEntity(
        **_basic(unit, row.user),
        access_level=row.access_level,
        created_at=row.created_at,
        created_by=basic(unit, creator) if creator else None,
        expires_at=row.expires_at,
    )


def access_token(unit: Unit, row: tables.AccessToken) -> AccessTokenEntity:
    """A personal access token."""
    return AccessTokenEntity(**_token(unit, row))


def resource_token(unit: Unit, row: tables.AccessToken, level: int) -> ResourceTokenEntity:
    """A project or group access token."""
    return ResourceTokenEntity(
        **_token(unit, row),
        access_level=level,
        resource_type="project" if row.source_type == "project" else "group",
        resource_id=row.source_id or 0,
    )


def _basic(unit: Unit, user: tables.User) -> dict[str, Any]:
    picture = hashlib.sha256(user.email.lower().encode()).hexdigest()
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "state": user.state,
        "avatar_url": f"{unit.server.url}/-/avatar/{picture}",
        "web_url": f"{unit.server.url}/{user.username}",
    }


def _token(unit: Unit, row: tables.AccessToken) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "revoked": row.revoked,
        "created_at": row.created_at,
        "description": row.description,
        "scopes": row.scopes,
        "user_id": row.user_id,
        "last_used_at": unit.server.last_used.get(row.id),
        "active": not row.revoked and (row.expires_at is None or row.expires_at > today()),
        "expires_at": row.expires_at,
    }
