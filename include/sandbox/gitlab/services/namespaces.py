"""Users' and groups' namespaces: creation, renaming, moving, removal."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from sandbox.gitlab.errors import ApiError, BadRequest, Forbidden, NotFound
from sandbox.gitlab.rules import names
from sandbox.gitlab.rules.access import Role, wider
from sandbox.gitlab.rules.settings import GroupSettings
from sandbox.gitlab.services import access, routing, switches
from sandbox.gitlab.services import visibility as visibility_rules
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import today
from sandbox.gitlab.store.tables import Member, Namespace, User


def create_user(unit: Unit, values: dict[str, Any]) -> User:
    """Make a user with a namespace of the same name."""
    username = values["username"]
    problems = names.group_path_problems(username, top_level=True)
    if problems:
        raise BadRequest({"username": problems})
    if unit.db.execute(select(User.id).where(User.email == values["email"])).first():
        raise ApiError(409, {"message": "Email has already been taken"})
    if (
        routing.taken(unit.db, username)
        or unit.db.execute(select(User.id).where(User.username == username)).first()
    ):
        raise ApiError(409, {"message": "Username has already been taken"})
    user = User(**values)
    unit.db.add(user)
    unit.db.flush()
    if not user.bot:
        add_namespace(unit, "user", user.name, username, None, owner_id=user.id, visibility="public")
    return user


def namespace_of(unit: Unit, user: User) -> Namespace | None:
    """A user's own namespace; bots have none."""
    query = select(Namespace).where(Namespace.kind == "user", Namespace.owner_id == user.id)
    return unit.db.execute(query).scalar_one_or_none()


def create_group(unit: Unit, values: dict[str, Any]) -> Namespace:
    """Make a group; the caller becomes its owner."""
    parent = _parent(unit, values.get("parent_id"))
    if parent is None and not (unit.user.can_create_group or unit.admin):
        raise Forbidden
    _check_group(unit, values["name"], values["path"], parent, None)
    visibility = values.get("visibility") or (parent.visibility if parent else "private")
    visibility_rules.check(visibility, parent)
    settings = switches.given(GroupSettings, values)
    group = add_namespace(
        unit,
        "group",
        values["name"],
        values["path"],
        parent,
        visibility=visibility,
        description=values.get("description") or "",
        settings=settings,
    )
    if parent is None or access.namespace_level(unit, parent) < Role.OWNER or not unit.admin:
        owner = Member(
            source_type="namespace", source_id=group.id, user_id=unit.user.id, access_level=Role.OWNER
        )
        unit.db.add(owner)
        unit.db.flush()
    return group


def add_namespace(
    unit: Unit, kind: str, name: str, path: str, parent: Namespace | None, **values: Any
) -> Namespace:
    """Insert a namespace and claim its path."""
    above = f"{routing.full_path(unit.db, routing.NAMESPACE, parent.id)}/" if parent else ""
    row = Namespace(kind=kind, name=name, path=path, parent_id=parent.id if parent else None, **values)
    row.parent = parent
    unit.db.add(row)
    try:
        unit.db.flush()
        routing.claim(unit.db, above + path, routing.NAMESPACE, row.id)
        unit.db.flush()
    except IntegrityError:
        raise _failed_to_save({"path": [names.TAKEN]}) from None
    return row


def update_group(unit: Unit, group: Namespace, values: dict[str, Any]) -> None:
    """Change a group's name, path, visibility and switches."""
    name, path = values.get("name", group.name), values.get("path", group.path)
    _check_group(unit, name, path, group.parent, group)
    visibility = values.get("visibility") or group.visibility
    visibility_rules.check(visibility, group.parent)
    group.name, group.visibility = name, visibility
    group.description = values.get("description", group.description) or ""
    group.settings = {**group.settings, **switches.given(GroupSettings, values)}
    if path != group.path:
        _move(unit, group, group.parent, path)


def transfer_group(unit: Unit, group: Namespace, parent_id: int | None) -> None:
    """Move a group below another, or to the top."""
    parent = _parent(unit, parent_id, Role.OWNER) if parent_id else None
    if parent is not None and any(item.id == group.id for item in access.ancestors(parent)):
        raise BadRequest("Transfer failed: You cannot transfer group to one of its subgroups.")
    if (parent.id if parent else None) == group.parent_id:
        reason = (
            "Group is already associated to the parent group." if parent else "Group is already a root group."
        )
        raise BadRequest(f"Transfer failed: {reason}")
    above = f"{routing.full_path(unit.db, routing.NAMESPACE, parent.id)}/" if parent else ""
    if routing.taken(unit.db, above + group.path):
        raise BadRequest(
            "Transfer failed: The parent group already has a subgroup or a project with the same path."
        )
    if names.group_path_problems(group.path, parent is None):
        raise BadRequest(f"Transfer failed: {group.path} is a reserved name")
    if parent is not None and wider(group.visibility, parent.visibility):
        group.visibility = parent.visibility
    _move(unit, group, parent, group.path)


def mark_group(group: Namespace) -> None:
    """First step of deletion: everything stays, read-only, until the retention period ends."""
    if group.marked_for_deletion_on is not None:
        raise BadRequest("Group has been already marked for deletion")
    group.marked_for_deletion_on = today()


def restore_group(group: Namespace) -> None:
    """Undo the first step."""
    if group.marked_for_deletion_on is None:
        raise BadRequest("Group has not been marked for deletion")
    group.marked_for_deletion_on = None


def _parent(unit: Unit, parent_id: int | None, level: int | None = None) -> Namespace | None:
    if parent_id is None:
        return None
    parent = unit.db.get(Namespace, parent_id)
    if parent is None or parent.kind != "group" or not access.sees_group(unit, parent):
        raise NotFound("Group")
    owners_only = parent.settings.get("subgroup_creation_level") == "owner"
    wanted = level or (Role.OWNER if owners_only else Role.MAINTAINER)
    if access.namespace_level(unit, parent) < wanted:
        raise Forbidden
    return parent


def _check_group(
    unit: Unit, name: str, path: str, parent: Namespace | None, present: Namespace | None
) -> None:
    problems = {
        "name": names.group_name_problems(name),
        "path": names.group_path_problems(path, top_level=parent is None),
    }
    same = Namespace.parent_id == parent.id if parent else Namespace.parent_id.is_(None)
    others = select(Namespace.id).where(same, Namespace.kind == "group")
    others = others.where(Namespace.id != present.id) if present else others
    if parent and not problems["name"] and unit.db.execute(others.where(Namespace.name == name)).first():
        problems["name"].append(names.TAKEN)
    above = f"{routing.full_path(unit.db, routing.NAMESPACE, parent.id)}/" if parent else ""
    moves = present is None or present.path.lower() != path.lower()
    if moves and not problems["path"] and routing.taken(unit.db, above + path):
        problems["path"].append(names.TAKEN)
    found = {field: texts for field, texts in problems.items() if texts}
    if found:
        raise _failed_to_save(found)


def _failed_to_save(problems: dict[str, list[str]]) -> BadRequest:
    """GitLab shows the field map as Ruby prints it, inside one text."""
    fields = ", ".join(
        f":{field}=>[{', '.join(json.dumps(text) for text in texts)}]" for field, texts in problems.items()
    )
    return BadRequest(f"Failed to save group {{{fields}}}")


def _move(unit: Unit, group: Namespace, parent: Namespace | None, path: str) -> None:
    above = f"{routing.full_path(unit.db, routing.NAMESPACE, parent.id)}/" if parent else ""
    group.parent = parent
    group.path = path
    try:
        unit.db.flush()
        routing.move(unit.db, routing.NAMESPACE, group.id, above + path)
    except IntegrityError:
        raise _failed_to_save({"path": [names.TAKEN]}) from None
