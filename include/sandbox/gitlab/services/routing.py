"""Full paths: who has which, what had it before, and moving whole trees of them."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from sandbox.gitlab.errors import Moved, NotAllowed
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Namespace, Project, RedirectRoute, Route

PROJECT = "project"
NAMESPACE = "namespace"


class MovedProject(Exception):
    """A lookup by an old path; carries the project that had it."""

    def __init__(self, project_id: int) -> None:
        super().__init__(project_id)
        self.project_id = project_id


def full_path(db: Session, source_type: str, source_id: int) -> str:
    """The present full path of a namespace or project."""
    query = select(Route.path).where(Route.source_type == source_type, Route.source_id == source_id)
    return db.execute(query).scalar_one()


def project_path(db: Session, project: Project) -> str:
    """`group/subgroup/project`."""
    return f"{full_path(db, NAMESPACE, project.namespace_id)}/{project.path}"


def namespace_by_path(db: Session, path: str) -> Namespace | None:
    """The namespace with that full path."""
    route = _route(db, path)
    return (
        db.get(Namespace, route.source_id) if route is not None and route.source_type == NAMESPACE else None
    )


def project_by_path(unit: Unit, path: str) -> Project | None:
    """The project with that full path; an old path raises `MovedProject`."""
    route = _route(unit.db, path)
    if route is not None:
        return unit.db.get(Project, route.source_id) if route.source_type == PROJECT else None
    old = redirected(unit.db, path)
    if old is None:
        return None
    raise MovedProject(old)


def redirected(db: Session, path: str) -> int | None:
    """The id of the project that had this path before."""
    query = select(RedirectRoute.source_id).where(
        RedirectRoute.path == path, RedirectRoute.source_type == PROJECT
    )
    return db.execute(query).scalar_one_or_none()


def moved_answer(method: str, url: str, project_id: int) -> Moved | NotAllowed:
    """What an old path gets: a redirect for reading, 405 for everything else."""
    if method not in ("GET", "HEAD"):
        return NotAllowed("Non GET methods are not allowed for moved projects")
    before, _, rest = url.partition("/projects/")
    return Moved(f"{before}/projects/{project_id}{_after_segment(rest)}")


def taken(db: Session, path: str) -> bool:
    """Whether a full path belongs to anything at present."""
    return _route(db, path) is not None


def claim(db: Session, path: str, source_type: str, source_id: int) -> None:
    """Give a new namespace or project its path; an old redirect from there ends."""
    _drop_redirect(db, path)
    db.add(Route(path=path, source_type=source_type, source_id=source_id))


def move(db: Session, source_type: str, source_id: int, path: str) -> None:
    """Change a full path, with everything below it; the old paths redirect from now on."""
    route = db.execute(
        select(Route).where(Route.source_type == source_type, Route.source_id == source_id)
    ).scalar_one()
    old = route.path
    below = select(Route).where(func.lower(Route.path).startswith(old.lower() + "/", autoescape=True))
    moving = [route, *db.execute(below).scalars()] if source_type == NAMESPACE else [route]
    for item in moving:
        before = item.path
        item.path = path + before[len(old) :]
        if before.lower() == item.path.lower():
            continue
        _drop_redirect(db, before)
        _drop_redirect(db, item.path)
        db.add(RedirectRoute(path=before, source_type=item.source_type, source_id=item.source_id))
    db.flush()


def release(db: Session, source_type: str, source_id: int) -> None:
    """Give up a path and all redirects to it, when its owner is removed."""
    for table in (Route, RedirectRoute):
        db.execute(delete(table).where(table.source_type == source_type, table.source_id == source_id))


def _route(db: Session, path: str) -> Route | None:
    return db.execute(select(Route).where(Route.path == path)).scalar_one_or_none()


def _drop_redirect(db: Session, path: str) -> None:
    db.execute(delete(RedirectRoute).where(RedirectRoute.path == path))
    db.flush()


def _after_segment(rest: str) -> str:
    cut = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    return rest[cut:]
