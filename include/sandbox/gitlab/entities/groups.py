"""Groups and namespaces as the API writes them."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.rules.settings import GroupSettings
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store import tables


class NamespaceBasic(BaseModel):
    """A namespace inside a project."""

    id: int
    name: str
    path: str
    kind: str
    full_path: str
    parent_id: int | None
    avatar_url: str | None
    web_url: str


class NamespaceEntity(NamespaceBasic):
    """A namespace of its own."""

    members_count_with_descendants: int | None = None
    root_repository_size: int | None = None
    projects_count: int | None = None
    trial: bool = False
    plan: str = "default"


class GroupEntity(GroupSettings):
    """A group in lists."""

    id: int
    web_url: str
    name: str
    path: str
    description: str
    visibility: str
    avatar_url: str | None = None
    full_name: str
    full_path: str
    created_at: Moment
    parent_id: int | None
    organization_id: int = 1
    shared_runners_setting: str = "enabled"
    ldap_cn: str | None = None
    ldap_access: int | None = None
    marked_for_deletion_on: date | None = None
    archived: bool = False
    default_branch_protection_defaults: dict[str, Any] = Field(default_factory=dict)
    wiki_access_level: str = "enabled"
    repository_storage: str = "default"
    duo_features_enabled: bool = False


class GroupDetail(GroupEntity):
    """One group, with its projects when asked for."""

    shared_with_groups: list[dict[str, Any]] = Field(default_factory=list)
    runners_token: str | None = ""
    prevent_forking_outside_group: bool | None = None
    projects: list[dict[str, Any]] | None = None
    shared_projects: list[dict[str, Any]] | None = None


def namespace_basic(unit: Unit, row: tables.Namespace) -> NamespaceBasic:
    """A namespace as projects show it."""
    return NamespaceBasic(**_namespace(unit, row))


def namespace(unit: Unit, row: tables.Namespace) -> NamespaceEntity:
    """A namespace of its own."""
    return NamespaceEntity(**_namespace(unit, row))


def group(unit: Unit, row: tables.Namespace) -> GroupEntity:
    """A group in lists."""
    return GroupEntity(**_group(unit, row))


def group_detail(unit: Unit, row: tables.Namespace, projects: list[dict[str, Any]] | None) -> GroupDetail:
    """One group."""
    shared: list[dict[str, Any]] | None = None if projects is None else []
    return GroupDetail(**_group(unit, row), projects=projects, shared_projects=shared)


def full_name(row: tables.Namespace) -> str:
    """Display names from the top: `Group / Subgroup`."""
    names = [row.name]
    while row.parent is not None:
        row = row.parent
        names.append(row.name)
    return " / ".join(reversed(names))


def _namespace(unit: Unit, row: tables.Namespace) -> dict[str, Any]:
    path = routing.full_path(unit.db, routing.NAMESPACE, row.id)
    own = row.kind == "user"
    return {
        "id": row.id,
        "name": row.name,
        "path": row.path,
        "kind": row.kind,
        "full_path": path,
        "parent_id": row.parent_id,
        "avatar_url": f"{unit.server.url}/-/avatar/{row.path}" if own else None,
        "web_url": f"{unit.server.url}/{path}" if own else f"{unit.server.url}/groups/{path}",
    }


def _group(unit: Unit, row: tables.Namespace) -> dict[str, Any]:
    path = routing.full_path(unit.db, routing.NAMESPACE, row.id)
    settings = GroupSettings.model_validate(row.settings)
    return {
        **settings.model_dump(),
        "id": row.id,
        "web_url": f"{unit.server.url}/groups/{path}",
        "name": row.name,
        "path": row.path,
        "description": row.description,
        "visibility": row.visibility,
        "full_name": full_name(row),
        "full_path": path,
        "created_at": row.created_at,
        "parent_id": row.parent_id,
        "marked_for_deletion_on": row.marked_for_deletion_on,
        "default_branch_protection_defaults": {
            "allowed_to_push": [{"access_level": 40}],
            "allow_force_push": False,
            "allowed_to_merge": [{"access_level": 40}],
        },
    }
