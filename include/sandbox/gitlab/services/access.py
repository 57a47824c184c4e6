"""Who the caller is to a project or group, and finding both so that the unseen stays unseen."""

from __future__ import annotations

import re

from sqlalchemy import select

from sandbox.gitlab.errors import Forbidden, NotFound
from sandbox.gitlab.rules import access
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import today
from sandbox.gitlab.store.tables import Member, Namespace, Project


def namespace_level(unit: Unit, namespace: Namespace) -> int:
    """The caller's role in a namespace: the highest granted here or in a parent."""
    user = unit.caller.user
    if user is None:
        return access.NO_ACCESS
    if user.admin:
        return Role.OWNER
    if namespace.kind == "user":
        return Role.OWNER if namespace.owner_id == user.id else access.NO_ACCESS
    return _granted(unit, user.id, None, namespace)


def project_level(unit: Unit, project: Project) -> int:
    """The caller's role in a project, inherited roles included."""
    user = unit.caller.user
    if user is None:
        return access.NO_ACCESS
    if user.admin or project.namespace.owner_id == user.id:
        return Role.OWNER
    return _granted(unit, user.id, project.id, project.namespace)


def find_project(unit: Unit, ref: str, level: int = access.NO_ACCESS) -> Project:
    """The project with that id or full path, if the caller sees it and has at least that role.

    Raises `NotFound` for what does not exist or may not be seen, `Forbidden` for too low a role.
    """
    project = _lookup_project(unit, ref)
    if project is None:
        raise NotFound("Project")
    have = project_level(unit, project)
    if not _visible(unit, project.visibility, have):
        raise NotFound("Project")
    if have < level:
        raise Forbidden
    return project


def readable_project(unit: Unit, ref: str) -> Project:
    """The project, if the caller may read its code too."""
    project = find_project(unit, ref)
    if not may_read_code(unit, project):
        raise Forbidden
    return project


def may_read_code(unit: Unit, project: Project) -> bool:
    """Whether the caller may read the repository."""
    user = unit.caller.user
    external = user is not None and user.external
    return access.code_readable(project.visibility, user is not None, external, project_level(unit, project))


def sees_project(unit: Unit, project: Project) -> bool:
    """Whether the caller may know of the project."""
    return _visible(unit, project.visibility, project_level(unit, project))


def find_group(unit: Unit, ref: str, level: int = access.NO_ACCESS) -> Namespace:
    """The group with that id or full path, if the caller sees it and has at least that role."""
    group = _lookup_group(unit, ref)
    if group is None or not sees_group(unit, group):
        raise NotFound("Group")
    if namespace_level(unit, group) < level:
        raise Forbidden
    return group


def sees_group(unit: Unit, group: Namespace) -> bool:
    """Whether the caller may know of the group: by visibility, a role, or a role in something inside it."""
    if _visible(unit, group.visibility, namespace_level(unit, group)):
        return True
    return unit.caller.user is not None and _member_below(unit, unit.caller.user.id, group)


def ancestors(namespace: Namespace) -> list[Namespace]:
    """The namespace and all above it, nearest first."""
    chain = [namespace]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    return chain


def numeric(ref: str) -> bool:
    """Whether a reference is an id rather than a path."""
    return bool(re.fullmatch(r"[0-9]{1,18}", ref))


def _lookup_project(unit: Unit, ref: str) -> Project | None:
    if numeric(ref):
        return unit.db.get(Project, int(ref))
    return routing.project_by_path(unit, ref) if "/" in ref else None


def _lookup_group(unit: Unit, ref: str) -> Namespace | None:
    found = unit.db.get(Namespace, int(ref)) if numeric(ref) else routing.namespace_by_path(unit.db, ref)
    return found if found is not None and found.kind == "group" else None


def _visible(unit: Unit, visibility: str, level: int) -> bool:
    user = unit.caller.user
    return access.visible(visibility, user is not None, user is not None and user.external, level)


def _granted(unit: Unit, user_id: int, project_id: int | None, namespace: Namespace) -> int:
    groups = [item.id for item in ancestors(namespace)]
    where = (Member.source_type == "namespace") & Member.source_id.in_(groups)
    if project_id is not None:
        where = where | ((Member.source_type == "project") & (Member.source_id == project_id))
    query = select(Member.access_level, Member.expires_at).where(Member.user_id == user_id, where)
    day = today()
    levels = [level for level, expires in unit.db.execute(query) if expires is None or expires > day]
    return max(levels, default=access.NO_ACCESS)


def _member_below(unit: Unit, user_id: int, group: Namespace) -> bool:
    query = select(Member.source_type, Member.source_id).where(Member.user_id == user_id)
    for source_type, source_id in unit.db.execute(query).all():
        if source_type == "project":
            project = unit.db.get(Project, source_id)
            inside = project.namespace if project is not None else None
        else:
            inside = unit.db.get(Namespace, source_id)
        if inside is not None and any(item.id == group.id for item in ancestors(inside)):
            return True
    return False
