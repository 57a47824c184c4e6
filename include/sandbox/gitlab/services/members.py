"""Who has a role in a project or group, inherited roles included."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select

from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Member, Namespace, Project, User


def type_of(source: Project | Namespace) -> str:
    """How members name their source."""
    return "project" if isinstance(source, Project) else "namespace"


def belongs(source: Project | Namespace) -> ColumnElement[bool]:
    """A condition: direct members of this source."""
    return and_(Member.source_type == type_of(source), Member.source_id == source.id)


def inherited(unit: Unit, source: Project | Namespace) -> dict[int, Member]:
    """Each user's highest membership, here or above."""
    chain: list[Project | Namespace] = [source] if isinstance(source, Project) else []
    chain += access.ancestors(source.namespace if isinstance(source, Project) else source)
    best: dict[int, Member] = {}
    for item in chain:
        for row in unit.db.execute(select(Member).where(belongs(item)).order_by(Member.id)).scalars():
            if row.user_id not in best or best[row.user_id].access_level < row.access_level:
                best[row.user_id] = row
    return best


def people(unit: Unit, project: Project, search: str | None) -> list[User]:
    """Users with a role in a project, its namespace's owner among them."""
    found = {user_id: row.user for user_id, row in inherited(unit, project).items()}
    owner = unit.db.get(User, project.namespace.owner_id) if project.namespace.owner_id else None
    if owner is not None:
        found[owner.id] = owner
    text = (search or "").lower()
    matching = [user for user in found.values() if text in f"{user.username} {user.name}".lower()]
    return sorted(matching, key=lambda user: user.id)
