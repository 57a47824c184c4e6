"""Merge requests as the API writes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pygit2 import Commit, Repository

from sandbox.gitlab.entities import users
from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.store.work_tables import MergeRequest


class MergeRequestEntity(BaseModel):
    """A merge request in lists."""

    id: int
    iid: int
    project_id: int
    title: str
    description: str | None
    state: str
    created_at: Moment
    updated_at: Moment
    merged_by: users.UserBasic | None
    merge_user: users.UserBasic | None
    merged_at: Moment | None
    closed_by: users.UserBasic | None
    closed_at: Moment | None
    target_branch: str
    source_branch: str
    user_notes_count: int = 0
    upvotes: int = 0
    downvotes: int = 0
    author: users.UserBasic
    assignees: list[users.UserBasic]
    assignee: users.UserBasic | None
    reviewers: list[users.UserBasic]
    source_project_id: int | None
    target_project_id: int
    labels: list[str]
    draft: bool
    imported: bool = False
    imported_from: str = "none"
    work_in_progress: bool
    milestone: None = None
    merge_when_pipeline_succeeds: bool = False
    merge_status: str
    detailed_merge_status: str
    merge_after: None = None
    sha: str | None
    merge_commit_sha: str | None
    squash_commit_sha: str | None
    discussion_locked: bool | None
    should_remove_source_branch: bool | None = None
    force_remove_source_branch: bool | None
    allow_collaboration: bool
    allow_maintainer_to_push: bool
    prepared_at: Moment
    reference: str
    references: dict[str, str]
    web_url: str
    time_stats: dict[str, int | None]
    squash: bool
    squash_on_merge: bool
    task_completion_status: dict[str, int]
    has_conflicts: bool
    blocking_discussions_resolved: bool = True
    approvals_before_merge: int | None = None


class MergeRequestDetail(MergeRequestEntity):
    """One merge request."""

    subscribed: bool = True
    changes_count: str | None
    latest_build_started_at: str | None = None
    latest_build_finished_at: str | None = None
    first_deployed_to_production_at: str | None = None
    pipeline: dict[str, Any] | None = None
    head_pipeline: dict[str, Any] | None = None
    diff_refs: dict[str, str | None] | None
    merge_error: str | None
    user: dict[str, bool]
    first_contribution: bool = False
    rebase_in_progress: bool | None = None


def listed(unit: Unit, project: Project, repo: Repository, row: MergeRequest) -> MergeRequestEntity:
    """A merge request in lists."""
    return MergeRequestEntity(**_common(unit, project, repo, row))


def single(
    unit: Unit, project: Project, repo: Repository, row: MergeRequest, can_merge: bool
) -> MergeRequestDetail:
    """One merge request."""
    refs = {"base_sha": row.base_sha, "head_sha": row.sha, "start_sha": row.start_sha}
    return MergeRequestDetail(
        **_common(unit, project, repo, row),
        changes_count=_changes_count(repo, row),
        diff_refs=refs,
        merge_error=row.merge_error,
        user={"can_merge": can_merge},
    )


def draft(title: str) -> bool:
    """Whether a title marks a draft."""
    return title.lower().startswith(("draft:", "[draft]", "(draft)"))


def conflicting(repo: Repository, row: MergeRequest) -> bool:
    """Whether an open merge request cannot be merged as it stands."""
    source, target = reading.branch(repo, row.source_branch), reading.branch(repo, row.target_branch)
    if row.state != "opened" or source is None or target is None:
        return False
    return writing.merged_tree(repo, source, target) is None


def merge_status(repo: Repository, row: MergeRequest, conflicts: bool) -> str:
    """`detailed_merge_status`."""
    if row.state != "opened":
        return "not_open"
    if draft(row.title):
        return "draft_status"
    if conflicts:
        return "conflict"
    source, target = reading.branch(repo, row.source_branch), reading.branch(repo, row.target_branch)
    if source is None or target is None:
        return "broken_status"
    return "commits_status" if reading.is_ancestor(repo, source, target) else "mergeable"


def _common(unit: Unit, project: Project, repo: Repository, row: MergeRequest) -> dict[str, Any]:
    path = routing.project_path(unit.db, project)
    conflicts = conflicting(repo, row)
    assignees = _people(unit, row.assignee_ids)
    merger = users.basic(unit, row.merged_by) if row.merged_by else None
    own = {name: getattr(row, name) for name in _OWN}
    return own | {
        "merged_by": merger,
        "merge_user": merger,
        "closed_by": users.basic(unit, row.closed_by) if row.closed_by else None,
        "author": users.basic(unit, row.author),
        "assignees": assignees,
        "assignee": assignees[0] if assignees else None,
        "reviewers": _people(unit, row.reviewer_ids),
        "source_project_id": project.id,
        "target_project_id": project.id,
        "draft": draft(row.title),
        "work_in_progress": draft(row.title),
        "merge_status": "cannot_be_merged" if conflicts else "can_be_merged",
        "detailed_merge_status": merge_status(repo, row, conflicts),
        "allow_maintainer_to_push": row.allow_collaboration,
        "prepared_at": row.created_at,
        "reference": f"!{row.iid}",
        "references": {"short": f"!{row.iid}", "relative": f"!{row.iid}", "full": f"{path}!{row.iid}"},
        "web_url": f"{unit.server.url}/{path}/-/merge_requests/{row.iid}",
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "squash_on_merge": row.squash,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": conflicts,
    }


_OWN = (
    "id iid project_id title description state created_at updated_at merged_at closed_at target_branch"
    " source_branch labels sha merge_commit_sha squash_commit_sha discussion_locked"
    " force_remove_source_branch allow_collaboration squash"
).split()


def _people(unit: Unit, ids: list[int]) -> list[users.UserBasic]:
    found = [unit.db.get(User, user_id) for user_id in ids]
    return [users.basic(unit, user) for user in found if user is not None]


def _changes_count(repo: Repository, row: MergeRequest) -> str | None:
    head = repo.get(row.sha) if row.sha else None
    base = repo.get(row.base_sha) if row.base_sha else None
    if not isinstance(head, Commit) or not isinstance(base, Commit):
        return None
    return str(len(list(reading.difference(base, head).deltas))) or None
