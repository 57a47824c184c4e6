"""One commit of several actions, as the files and the commits routes make it."""

from __future__ import annotations

from collections.abc import Callable

from pygit2 import Commit, Repository

from sandbox.gitlab.errors import BadRequest
from sandbox.gitlab.http.requests import Api
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import Action, Author, WriteRefused
from sandbox.gitlab.services import commits, pushes
from sandbox.gitlab.store.tables import Project

NOT_ALLOWED = "You are not allowed to push into this branch"


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
        project = commits.writable_project(unit, ref)
        rules = commits.policy(unit, project)
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
        change = AppliedChange(
            reading.BRANCHES + branch, str(present.id) if present else commits.ZERO, str(made.id)
        )
        pushes.record_now(api.server, project.id, user.id, [change])
        return project.id, made


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
