"""Projects as the API writes them: about a hundred keys, most of them plain switches."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from sandbox.gitlab.entities import groups, users
from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.repos import reading
from sandbox.gitlab.rules.settings import ProjectSettings
from sandbox.gitlab.services import access, routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store import tables
from sandbox.gitlab.store.tables import Member


class ProjectBasic(BaseModel):
    """A project with `simple=true`, and what anonymous callers see."""

    id: int
    description: str | None
    name: str
    name_with_namespace: str
    path: str
    path_with_namespace: str
    created_at: Moment
    default_branch: str | None
    tag_list: list[str]
    topics: list[str]
    ssh_url_to_repo: str
    http_url_to_repo: str
    web_url: str
    readme_url: str | None
    forks_count: int = 0
    avatar_url: str | None = None
    star_count: int = 0
    last_activity_at: Moment
    visibility: str
    namespace: groups.NamespaceBasic


class ProjectEntity(ProjectSettings, ProjectBasic):
    """A project in lists, for members."""

    description_html: str = ""
    container_registry_image_prefix: str
    links: dict[str, str] = Field(serialization_alias="_links")
    container_expiration_policy: dict[str, Any]
    empty_repo: bool
    archived: bool
    owner: users.UserBasic | None = None
    creator_id: int
    updated_at: Moment
    import_url: str | None = None
    import_type: str | None = None
    import_status: str = "none"
    import_error: str | None = None
    open_issues_count: int = 0
    ci_opt_in_jwt: bool = False
    runners_token: str | None = ""
    shared_with_groups: list[dict[str, Any]] = Field(default_factory=list)
    service_desk_address: str | None = None
    compliance_frameworks: list[str] = Field(default_factory=list)
    repository_object_format: str = "sha1"
    repository_storage: str = "default"
    marked_for_deletion_at: date | None = None
    marked_for_deletion_on: date | None = None


def basic(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """A project with its few main keys."""
    return ProjectBasic(**_basic(unit, row)).model_dump()


def listed(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """A project in a list: all keys for those signed in, the main ones for others."""
    if unit.caller.user is None:
        return basic(unit, row)
    return _full(unit, row)


def single(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """One project, with the caller's permissions."""
    if unit.caller.user is None:
        return basic(unit, row)
    return _full(unit, row) | {"permissions": _permissions(unit, row)}


def _full(unit: Unit, row: tables.Project) -> dict[str, Any]:
    values = _basic(unit, row)
    path, host = values["path_with_namespace"], unit.server.url.split("://")[-1]
    settings = ProjectSettings.model_validate(row.settings)
    owner = unit.db.get(tables.User, row.namespace.owner_id) if row.namespace.owner_id else None
    entity = ProjectEntity(
        **values,
        **settings.model_dump(),
        container_registry_image_prefix=f"registry.{host}/{path.lower()}",
        links=_links(unit, row),
        container_expiration_policy=_expiration_policy(row.created_at),
        empty_repo=row.empty,
        archived=row.archived,
        owner=users.basic(unit, owner) if owner else None,
        creator_id=row.creator_id,
        updated_at=row.updated_at,
        service_desk_address=f"contact-project+{path.replace('/', '-')}-{row.id}-issue-@localhost",
        marked_for_deletion_at=row.marked_for_deletion_on,
        marked_for_deletion_on=row.marked_for_deletion_on,
    )
    dumped = entity.model_dump(by_alias=True)
    if owner is None:
        del dumped["owner"]
    return dumped


def _basic(unit: Unit, row: tables.Project) -> dict[str, Any]:
    path = routing.project_path(unit.db, row)
    address = f"{unit.server.url}/{path}"
    topics = [topic.name for topic in row.topics]
    return {
        "id": row.id,
        "description": row.description,
        "name": row.name,
        "name_with_namespace": f"{groups.full_name(row.namespace)} / {row.name}",
        "path": row.path,
        "path_with_namespace": path,
        "created_at": row.created_at,
        "default_branch": None if row.empty else row.default_branch,
        "tag_list": topics,
        "topics": topics,
        "ssh_url_to_repo": f"git@{unit.server.url.split('://')[-1].split(':')[0]}:{path}.git",
        "http_url_to_repo": f"{address}.git",
        "web_url": address,
        "readme_url": _readme(unit, row, address),
        "last_activity_at": row.last_activity_at,
        "visibility": row.visibility,
        "namespace": groups.namespace_basic(unit, row.namespace),
    }


def _readme(unit: Unit, row: tables.Project, address: str) -> str | None:
    if row.empty or row.default_branch is None:
        return None
    commit = reading.branch(unit.server.storage.open(row.storage), row.default_branch)
    if commit is None:
        return None
    name = next(
        (entry.name for entry in commit.tree if (entry.name or "").lower().startswith("readme")), None
    )
    return f"{address}/-/blob/{row.default_branch}/{name}" if name else None


def _permissions(unit: Unit, row: tables.Project) -> dict[str, Any]:
    user = unit.user
    chain = {item.id for item in access.ancestors(row.namespace)}
    levels: dict[str, int | None] = {"project": None, "namespace": None}
    for member in unit.db.query(Member).filter(Member.user_id == user.id):
        if member.source_type == "project" and member.source_id == row.id:
            levels["project"] = member.access_level
        if member.source_type == "namespace" and member.source_id in chain:
            levels["namespace"] = max(levels["namespace"] or 0, member.access_level)
    if row.namespace.owner_id == user.id:
        levels["project"] = 50
    return {"project_access": _level(levels["project"]), "group_access": _level(levels["namespace"])}


def _level(level: int | None) -> dict[str, int] | None:
    return None if level is None else {"access_level": level, "notification_level": 3}


def _links(unit: Unit, row: tables.Project) -> dict[str, str]:
    base = f"{unit.server.api_url}/projects/{row.id}"
    return {
        "self": base,
        "issues": f"{base}/issues",
        "merge_requests": f"{base}/merge_requests",
        "repo_branches": f"{base}/repository/branches",
        "labels": f"{base}/labels",
        "events": f"{base}/events",
        "members": f"{base}/members",
        "cluster_agents": f"{base}/cluster_agents",
    }


def _expiration_policy(created: datetime) -> dict[str, Any]:
    following = created + timedelta(days=1)
    return {
        "cadence": "1d",
        "enabled": False,
        "keep_n": 10,
        "older_than": "90d",
        "name_regex": ".*",
        "name_regex_keep": None,
        "next_run_at": following.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
