"""Merge requests follow their branches: a push moves the head, and may turn out to have merged one."""

from __future__ import annotations

from pygit2 import Commit, Repository
from sqlalchemy import select

from sandbox.gitlab.repos import reading
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.store.work_tables import MergeRequest
from sandbox.gitlab.webhooks import events


def update(
    unit: Unit, project: Project, repo: Repository, user: User | None, changes: list[AppliedChange]
) -> None:
    """Bring open merge requests up to date with changed branches."""
    branches = {
        item.ref.removeprefix(reading.BRANCHES) for item in changes if item.ref.startswith(reading.BRANCHES)
    }
    if not branches:
        return
    query = select(MergeRequest).where(MergeRequest.project_id == project.id, MergeRequest.state == "opened")
    for row in unit.db.execute(query).scalars():
        if row.source_branch in branches:
            _move_head(unit, project, repo, user, row)
        if row.target_branch in branches and row.state == "opened":
            _notice_merge(unit, project, repo, user, row)


def refresh_all(unit: Unit) -> None:
    """Bring every open merge request up to date, for pushes that a killed server did not record."""
    query = select(MergeRequest, Project).join(Project).where(MergeRequest.state == "opened")
    for row, project in unit.db.execute(query).unique().all():
        refresh(unit.server.storage.open(project.storage), row)


def refresh(repo: Repository, row: MergeRequest) -> None:
    """Set head, start and base from the branches as they are."""
    source = reading.branch(repo, row.source_branch)
    target = reading.branch(repo, row.target_branch)
    if source is None:
        return
    row.sha = str(source.id)
    if target is None:
        return
    base = reading.merge_base(repo, [source, target])
    row.start_sha = str(target.id)
    row.base_sha = str(base.id) if base else None


def _move_head(unit: Unit, project: Project, repo: Repository, user: User | None, row: MergeRequest) -> None:
    before = row.sha
    refresh(repo, row)
    if row.sha != before:
        row.updated_at = now()
        if user is not None:
            events.merge_request(unit, project, user, row, "update")


def _notice_merge(
    unit: Unit, project: Project, repo: Repository, user: User | None, row: MergeRequest
) -> None:
    """A head that the target now contains was merged by hand; GitLab closes the request as merged."""
    head = repo.get(row.sha) if row.sha else None
    target = reading.branch(repo, row.target_branch)
    if not isinstance(head, Commit) or target is None or row.sha == row.base_sha:
        return
    if not reading.is_ancestor(repo, head, target):
        return
    row.state = "merged"
    row.merged_at = now()
    row.updated_at = row.merged_at
    row.merged_by_id = user.id if user else None
    if user is not None:
        events.merge_request(unit, project, user, row, "merge")
