"""Removing projects and groups for good, with everything that hangs on them."""

from __future__ import annotations

from sqlalchemy import delete, select

from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import (
    AccessToken,
    DeployToken,
    Member,
    Namespace,
    Project,
    ProjectTopic,
    User,
)
from sandbox.gitlab.store.work_tables import Hook, Variable


def remove_project(unit: Unit, project: Project) -> None:
    """Remove a project at once; its files go after the commit."""
    _forget(unit, routing.PROJECT, project.id)
    unit.db.execute(delete(ProjectTopic).where(ProjectTopic.project_id == project.id))
    storage = project.storage
    unit.db.execute(delete(Project).where(Project.id == project.id))
    unit.after_commit.append(lambda: unit.server.storage.remove(storage))


def remove_group(unit: Unit, group: Namespace) -> None:
    """Remove a group at once, innermost first."""
    for child in unit.db.execute(select(Namespace).where(Namespace.parent_id == group.id)).scalars().all():
        remove_group(unit, child)
    for project in unit.db.execute(select(Project).where(Project.namespace_id == group.id)).scalars().all():
        remove_project(unit, project)
    _forget(unit, routing.NAMESPACE, group.id)
    unit.db.execute(delete(Namespace).where(Namespace.id == group.id))


def _forget(unit: Unit, source_type: str, source_id: int) -> None:
    bots = select(AccessToken.user_id).where(
        AccessToken.source_type == source_type, AccessToken.source_id == source_id
    )
    for user in unit.db.execute(select(User).where(User.id.in_(bots))).scalars():
        user.state = "blocked"
    unit.db.flush()
    for table in (Member, DeployToken, Hook, Variable, AccessToken):
        unit.db.execute(delete(table).where(table.source_type == source_type, table.source_id == source_id))
    routing.release(unit.db, source_type, source_id)
