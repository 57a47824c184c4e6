"""Lists of groups and projects that the caller may see, filtered and ordered."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, false, or_, select

from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Member, Namespace, Project, ProjectTopic, Route, Topic

_GROUP_ORDER = {"name": Namespace.name, "path": Namespace.path, "id": Namespace.id}
PROJECT_ORDER = {
    "id": Project.id,
    "name": Project.name,
    "path": Project.path,
    "created_at": Project.created_at,
    "updated_at": Project.updated_at,
    "last_activity_at": Project.last_activity_at,
}


def groups(
    unit: Unit,
    *,
    search: str | None = None,
    owned: bool = False,
    min_access_level: int | None = None,
    top_level_only: bool = False,
    skip_groups: list[int] | None = None,
    visibility: str | None = None,
    order_by: str | None = None,
    sort: str | None = None,
    **_: Any,
) -> list[Namespace]:
    """Groups the caller sees."""
    column = _GROUP_ORDER.get(order_by or "name", Namespace.name)
    query = select(Namespace).where(Namespace.kind == "group")
    query = query.order_by(column.desc() if sort == "desc" else column.asc())
    if search:
        query = query.where(or_(Namespace.name.like(f"%{search}%"), Namespace.path.like(f"%{search}%")))
    if top_level_only:
        query = query.where(Namespace.parent_id.is_(None))
    if skip_groups:
        query = query.where(Namespace.id.not_in(skip_groups))
    if visibility:
        query = query.where(Namespace.visibility == visibility)
    least = max(Role.OWNER if owned else 0, min_access_level or 0)
    rows = unit.db.execute(query).scalars().all()
    seen = [row for row in rows if access.sees_group(unit, row)]
    return [row for row in seen if not least or access.namespace_level(unit, row) >= least]


def projects_of(unit: Unit, namespace_ids: list[int]) -> list[Project]:
    """Projects directly in these namespaces that the caller sees, newest first."""
    query = (
        visible_projects(unit)
        .where(Project.namespace_id.in_(namespace_ids))
        .order_by(Project.created_at.desc())
    )
    return list(unit.db.execute(query).scalars().unique())


def visible_projects(unit: Unit) -> Select[Project]:
    """A query of all projects the caller sees."""
    query = select(Project)
    user = unit.caller.user
    if user is None:
        return query.where(Project.visibility == "public")
    if user.admin:
        return query
    open_to_all = ["public"] if user.external else ["public", "internal"]
    return query.where(or_(Project.visibility.in_(open_to_all), member_projects(unit, Role.MINIMAL)))


def member_projects(unit: Unit, level: int) -> Any:
    """A condition: the caller has at least that role, in the project or above it."""
    user = unit.caller.user
    if user is None:
        return false()
    held = select(Member.source_type, Member.source_id).where(
        Member.user_id == user.id, Member.access_level >= level
    )
    rows = unit.db.execute(held).all()
    direct = [source_id for source_type, source_id in rows if source_type == "project"]
    inside = descendants(unit, [source_id for source_type, source_id in rows if source_type == "namespace"])
    own = select(Namespace.id).where(Namespace.owner_id == user.id)
    return or_(Project.id.in_(direct), Project.namespace_id.in_(inside), Project.namespace_id.in_(own))


def descendants(unit: Unit, roots: list[int]) -> list[int]:
    """These namespaces and all inside them."""
    found = list(roots)
    level = list(roots)
    while level:
        level = list(unit.db.execute(select(Namespace.id).where(Namespace.parent_id.in_(level))).scalars())
        found += level
    return found


def filtered(unit: Unit, query: Select[Project], filters: Any) -> Select[Project]:
    """Apply the project list's filters and order."""
    if filters.search:
        query = _searched(query, filters.search, filters.search_namespaces)
    if filters.topic:
        for name in filters.topic.split(","):
            having = select(ProjectTopic.project_id).join(Topic).where(Topic.name == name.strip())
            query = query.where(Project.id.in_(having))
    if filters.visibility:
        query = query.where(Project.visibility == filters.visibility)
    if filters.archived is not None:
        query = query.where(Project.archived == filters.archived)
    least = max(
        filters.min_access_level or 0,
        Role.OWNER if filters.owned else 0,
        Role.MINIMAL if filters.membership else 0,
    )
    if least:
        query = query.where(member_projects(unit, least))
    if filters.include_pending_delete is False:
        query = query.where(Project.marked_for_deletion_on.is_(None))
    return _ordered(query, filters)


def _ordered(query: Select[Project], filters: Any) -> Select[Project]:
    if filters.id_after is not None:
        query = query.where(Project.id > filters.id_after)
    if filters.id_before is not None:
        query = query.where(Project.id < filters.id_before)
    column = PROJECT_ORDER.get(filters.order_by or "created_at", Project.created_at)
    ascending = filters.sort == "asc"
    order = (column.asc(), Project.id.asc()) if ascending else (column.desc(), Project.id.desc())
    return query.order_by(*order)


def _searched(query: Select[Project], text: str, with_namespaces: bool) -> Select[Project]:
    pattern = f"%{text}%"
    found = or_(Project.name.like(pattern), Project.path.like(pattern), Project.description.like(pattern))
    if with_namespaces:
        routes = select(Route.source_id).where(Route.source_type == "project", Route.path.like(pattern))
        found = or_(found, Project.id.in_(routes))
    return query.where(found)
