"""Writing through the API: roles and protection first, then git, then what follows a push."""

from __future__ import annotations

from collections.abc import Callable

from pygit2 import Commit, Repository

from sandbox.gitlab.errors import BadRequest, Forbidden
from sandbox.gitlab.http.requests import Api
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import Action, Author, WriteRefused
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.rules.protection import PushPolicy
from sandbox.gitlab.services import access, pushes
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project, User

ZERO = "0" * 40
NOT_ALLOWED = "You are not allowed to push into this branch"


def writable_project(unit: Unit, ref: str, level: int = Role.DEVELOPER) -> Project:
    """The project, if the caller may change its repository."""
    project = access.find_project(unit, ref, level)
    if project.archived or project.marked_for_deletion_on is not None:
        raise Forbidden
    return project


def policy(unit: Unit, project: Project) -> PushPolicy:
    """What the caller may push to."""
    return pushes.policy(unit, project, access.project_level(unit, project))


def apply(
    api: Api,
    ref: str,
    branch: str,
    start: str | None,
    actions: list[Action],
    message: str,
    author: tuple[str | None, str | None],
    refused: Callable[[], Exception],
    force: bool = False,
) -> tuple[int, Commit]:
    """Make one commit of several actions; returns the project's id and the commit."""
    with api.read() as unit:
        project = writable_project(unit, ref)
        rules = policy(unit, project)
        user = unit.user
    if not rules.may_push(branch):
        raise refused()
    committer = Author(user.name, user.email)
    writer = Author(author[0] or user.name, author[1] or user.email)
    with api.server.storage.locked(project.storage) as repo:
        present = reading.branch(repo, branch)
        base = _base(repo, project, branch, start, present, force)
        try:
            made = writing.commit_actions(repo, branch, base, actions, message, writer, committer, present)
        except WriteRefused as problem:
            raise BadRequest(str(problem)) from None
        change = AppliedChange(reading.BRANCHES + branch, str(present.id) if present else ZERO, str(made.id))
        follow(api, project.id, user, [change])
        return project.id, made


def follow(api: Api, project_id: int, user: User, changes: list[AppliedChange]) -> None:
    """Record what changed refs mean."""
    pushes.record_now(api.server, project_id, user.id, changes)


def _base(
    repo: Repository, project: Project, branch: str, start: str | None, present: Commit | None, force: bool
) -> Commit | None:
    if start and start != branch:
        if present is not None and not force:
            raise BadRequest(
                f"A branch called '{branch}' already exists. Switch to that branch in order to make changes"
            )
        found = reading.resolve(repo, start, project.default_branch)
        if found is None:
            raise BadRequest("You can only create or edit files when you are on a branch")
        return found
    if present is None and reading.has_branches(repo):
        raise BadRequest("You can only create or edit files when you are on a branch")
    return present
