"""Whether the caller may write to a repository through the API."""

from __future__ import annotations

from sandbox.gitlab.errors import Forbidden
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.rules.protection import PushPolicy
from sandbox.gitlab.services import access, pushes
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project

ZERO = "0" * 40


def writable_project(unit: Unit, ref: str, level: int = Role.DEVELOPER) -> Project:
    """The project, if the caller may change its repository."""
    project = access.find_project(unit, ref, level)
    if project.archived or project.marked_for_deletion_on is not None:
        raise Forbidden
    return project


def policy(unit: Unit, project: Project) -> PushPolicy:
    """What the caller may push to."""
    return pushes.policy(unit, project, access.project_level(unit, project))
