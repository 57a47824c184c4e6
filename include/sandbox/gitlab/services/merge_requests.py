"""Merge requests: opening, changing, merging."""

from __future__ import annotations

from typing import Any

from pygit2 import Repository
from sqlalchemy import func, select

from sandbox.gitlab.entities import merge_requests as entities
from sandbox.gitlab.errors import ApiError, BadRequest, Conflict, NotAllowed, Unauthorized, Unprocessable
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import Author, WriteRefused
from sandbox.gitlab.services import commits, merge_heads, pushes, routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import MergeRequest
from sandbox.gitlab.webhooks import events


def find(unit: Unit, project: Project, iid: int) -> MergeRequest:
    """The project's merge request with that number. GitLab's text for a missing one is lower-case here."""
    query = select(MergeRequest).where(MergeRequest.project_id == project.id, MergeRequest.iid == iid)
    row = unit.db.execute(query).scalar_one_or_none()
    if row is None:
        raise ApiError(404, {"message": "404 Not found"})
    return row


def open_one(unit: Unit, project: Project, repo: Repository, values: dict[str, Any]) -> MergeRequest:
    """Propose to merge one branch into another."""
    source, target = values["source_branch"], values["target_branch"]
    if source == target:
        raise Unprocessable(["You can't use same project/branch for source and target"])
    if reading.branch(repo, target) is None:
        raise BadRequest([f'Target branch "{target}" does not exist'])
    if reading.branch(repo, source) is None:
        raise BadRequest([f'Source branch "{source}" does not exist'])
    _refuse_second(unit, project, source, target)
    query = select(func.max(MergeRequest.iid)).where(MergeRequest.project_id == project.id)
    iid = (unit.db.execute(query).scalar_one() or 0) + 1
    row = MergeRequest(project_id=project.id, iid=iid, author_id=unit.user.id, state="opened")
    row.source_branch, row.target_branch = source, target
    row.assignee_ids, row.reviewer_ids, row.labels = [], [], []
    row.squash = False
    row.allow_collaboration = False
    row.created_at = row.updated_at = now()
    row.author = unit.user
    _set(row, values)
    merge_heads.refresh(repo, row)
    unit.db.add(row)
    unit.db.flush()
    events.merge_request(unit, project, unit.user, row, "open")
    return row


def change(unit: Unit, project: Project, repo: Repository, row: MergeRequest, values: dict[str, Any]) -> None:
    """Edit, close or reopen a merge request."""
    target = values.get("target_branch")
    if target and reading.branch(repo, target) is None:
        raise BadRequest([f'Target branch "{target}" does not exist'])
    _set(row, values)
    if target:
        row.target_branch = target
        merge_heads.refresh(repo, row)
    action = _switch_state(unit, project, row, values.get("state_event")) or "update"
    row.updated_at = now()
    unit.db.flush()
    events.merge_request(unit, project, unit.user, row, action)


def merge(unit: Unit, project: Project, repo: Repository, row: MergeRequest, options: dict[str, Any]) -> None:
    """Merge now: 405 when it cannot be merged, 409 when the head is another, 401 without the right."""
    source, target = _mergeable(unit, project, repo, row, options)
    squash = options.get("squash") if options.get("squash") is not None else row.squash
    person = Author(unit.user.name, unit.user.email)
    message = _message(unit, project, row, options, bool(squash))
    try:
        made = writing.merge(repo, source, target, row.target_branch, message, person, bool(squash))
    except WriteRefused as problem:
        raise Unprocessable(str(problem)) from None
    row.sha = str(source.id)
    row.state = "merged"
    row.merged_at = row.updated_at = now()
    row.merged_by_id, row.merged_by = unit.user.id, unit.user
    row.merge_commit_sha = None if squash else str(made.id)
    row.squash_commit_sha = str(made.id) if squash else None
    changes = [AppliedChange(reading.BRANCHES + row.target_branch, str(target.id), str(made.id))]
    changes += _remove_source(project, repo, row, options)
    unit.db.flush()
    pushes.record(unit, project, unit.user, changes)
    events.merge_request(unit, project, unit.user, row, "merge")


def _mergeable(
    unit: Unit, project: Project, repo: Repository, row: MergeRequest, options: dict[str, Any]
) -> tuple[Any, Any]:
    if not commits.policy(unit, project).may_merge(row.target_branch):
        raise Unauthorized
    if row.state != "opened" or entities.draft(row.title):
        raise NotAllowed
    source, target = reading.branch(repo, row.source_branch), reading.branch(repo, row.target_branch)
    if source is None or target is None:
        raise NotAllowed
    if options.get("sha") and options["sha"] != str(source.id):
        raise Conflict("SHA does not match HEAD of source branch")
    if writing.merged_tree(repo, source, target) is None:
        raise Unprocessable("Branch cannot be merged")
    return source, target


def _message(unit: Unit, project: Project, row: MergeRequest, options: dict[str, Any], squash: bool) -> str:
    if squash:
        return options.get("squash_commit_message") or row.title
    path = routing.project_path(unit.db, project)
    title = f"Merge branch '{row.source_branch}' into '{row.target_branch}'"
    default = f"{title}\n\n{row.title}\n\nSee merge request {path}!{row.iid}"
    return options.get("merge_commit_message") or default


def _remove_source(
    project: Project, repo: Repository, row: MergeRequest, options: dict[str, Any]
) -> list[AppliedChange]:
    wanted = options.get("should_remove_source_branch")
    wanted = row.force_remove_source_branch if wanted is None else wanted
    commit = reading.branch(repo, row.source_branch)
    if not wanted or commit is None or row.source_branch == project.default_branch:
        return []
    writing.delete_ref(repo, reading.BRANCHES + row.source_branch)
    return [AppliedChange(reading.BRANCHES + row.source_branch, str(commit.id), commits.ZERO)]


def _refuse_second(unit: Unit, project: Project, source: str, target: str) -> None:
    query = select(MergeRequest.iid).where(
        MergeRequest.project_id == project.id,
        MergeRequest.source_branch == source,
        MergeRequest.target_branch == target,
        MergeRequest.state == "opened",
    )
    present = unit.db.execute(query).scalars().first()
    if present is not None:
        raise Conflict([f"Another open merge request already exists for this source branch: !{present}"])


def _set(row: MergeRequest, values: dict[str, Any]) -> None:
    if "title" in values and not (values["title"] or "").strip():
        raise BadRequest({"title": ["can't be blank"]})
    for field in ("title", "description", "squash", "discussion_locked", "allow_collaboration"):
        if values.get(field) is not None:
            setattr(row, field, values[field])
    if values.get("remove_source_branch") is not None:
        row.force_remove_source_branch = values["remove_source_branch"]
    if values.get("labels") is not None:
        row.labels = _words(values["labels"])
    labels = [label for label in row.labels if label not in _words(values.get("remove_labels") or [])]
    row.labels = list(dict.fromkeys(labels + _words(values.get("add_labels") or [])))
    if values.get("assignee_id") is not None:
        row.assignee_ids = [values["assignee_id"]] if values["assignee_id"] else []
    if values.get("assignee_ids") is not None:
        row.assignee_ids = [number for number in values["assignee_ids"] if number]
    if values.get("reviewer_ids") is not None:
        row.reviewer_ids = [number for number in values["reviewer_ids"] if number]


def _switch_state(unit: Unit, project: Project, row: MergeRequest, event: str | None) -> str | None:
    if event == "close" and row.state == "opened":
        row.state, row.closed_at = "closed", now()
        row.closed_by_id, row.closed_by = unit.user.id, unit.user
        return "close"
    if event == "reopen" and row.state == "closed":
        _refuse_second(unit, project, row.source_branch, row.target_branch)
        row.state, row.closed_at, row.closed_by_id, row.closed_by = "opened", None, None, None
        return "reopen"
    return None


def _words(value: list[str] | str) -> list[str]:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()]
