"""What follows a push or an API commit: first-push set-up, merge requests, webhooks."""

from __future__ import annotations

from sqlalchemy import select

from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.rules.protection import Protection, PushPolicy, default_levels
from sandbox.gitlab.services import access, merge_heads
from sandbox.gitlab.services.server import Caller, Server, Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.store.work_tables import BranchAccess, ProtectedBranch
from sandbox.gitlab.webhooks import events

_ZERO = "0" * 40


def policy(unit: Unit, project: Project, level: int) -> PushPolicy:
    """What a push of a caller with that role is judged by.

    A repository without commits is judged as if its default branch were protected already:
    GitLab refuses developers the very first push, unless the group protects only afterwards.
    """
    rows = unit.db.execute(select(ProtectedBranch).where(ProtectedBranch.project_id == project.id)).scalars()
    protections = [protection_of(row) for row in rows]
    if project.empty and not protections:
        setting = default_protection(project)
        levels = default_levels(setting)
        if levels is not None and setting != 4:
            push, merge, force = levels
            protections.append(Protection(project.default_branch or "main", (push,), (merge,), force))
    return PushPolicy(level, None if project.empty else project.default_branch, tuple(protections))


def protection_of(row: ProtectedBranch) -> Protection:
    """A protected branch's row as the rules read it."""
    push = tuple(item.access_level for item in row.access if item.kind == "push")
    merge = tuple(item.access_level for item in row.access if item.kind == "merge")
    return Protection(row.name, push, merge, row.allow_force_push)


def default_protection(project: Project) -> int:
    """`default_branch_protection` of the nearest group that sets it; 2 (full) otherwise."""
    for namespace in access.ancestors(project.namespace):
        setting = namespace.settings.get("default_branch_protection")
        if isinstance(setting, int):
            return setting
    return 2


def protect(unit: Unit, project: Project, name: str, push: int, merge: int, force: bool) -> ProtectedBranch:
    """Add a protection."""
    row = ProtectedBranch(project_id=project.id, name=name, allow_force_push=force)
    row.access = [
        BranchAccess(kind="push", access_level=push),
        BranchAccess(kind="merge", access_level=merge),
    ]
    unit.db.add(row)
    unit.db.flush()
    return row


def record(unit: Unit, project: Project, user: User | None, changes: list[AppliedChange]) -> None:
    """Record what changed refs mean for the project, and send webhooks after the commit."""
    if not changes:
        return
    repo = unit.server.storage.open(project.storage)
    if project.empty:
        _first_push(unit, project, changes)
    project.last_activity_at = now()
    merge_heads.update(unit, project, repo, user, changes)
    for change in changes:
        events.push(unit, project, repo, user, change)


def record_now(server: Server, project_id: int, user_id: int | None, changes: list[AppliedChange]) -> None:
    """`record` in a transaction of its own, for changes that git has made already."""
    if not changes:
        return
    with server.database.write() as db:
        user = db.get(User, user_id) if user_id is not None else None
        unit = Unit(db, server, Caller(user=user))
        project = db.get(Project, project_id)
        if project is not None:
            record(unit, project, user, changes)
    for effect in unit.after_commit:
        effect()


def finish_first_push(unit: Unit, project: Project) -> None:
    """Set up a project whose first push was not recorded because the server was killed."""
    repo = unit.server.storage.open(project.storage)
    names = reading.branch_names(repo)
    if names:
        _first_push(unit, project, [AppliedChange(reading.BRANCHES + name, _ZERO, "") for name in names])


def _first_push(unit: Unit, project: Project, changes: list[AppliedChange]) -> None:
    pushed = [
        item.ref.removeprefix(reading.BRANCHES) for item in changes if item.ref.startswith(reading.BRANCHES)
    ]
    if not pushed:
        return
    wanted = project.default_branch or unit.server.settings.default_branch
    default = wanted if wanted in pushed else pushed[0]
    project.empty = False
    project.default_branch = default
    writing.point_head(unit.server.storage.open(project.storage), default)
    query = select(ProtectedBranch).where(
        ProtectedBranch.project_id == project.id, ProtectedBranch.name == default
    )
    levels = default_levels(default_protection(project))
    if levels is not None and unit.db.execute(query).scalar_one_or_none() is None:
        protect(unit, project, default, *levels)
