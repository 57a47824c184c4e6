"""Commits, branches, tags, files and differences as the API writes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from pydantic import BaseModel, Field
from pygit2 import Commit, Diff, Patch, Repository, Signature

from sandbox.gitlab.repos import reading
from sandbox.gitlab.rules.protection import PushPolicy
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project

_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*): (.+)$")


class CommitEntity(BaseModel):
    """A commit."""

    id: str
    short_id: str
    created_at: str
    parent_ids: list[str]
    title: str
    message: str
    author_name: str
    author_email: str
    authored_date: str
    committer_name: str
    committer_email: str
    committed_date: str
    trailers: dict[str, str] = Field(default_factory=dict)
    extended_trailers: dict[str, list[str]] = Field(default_factory=dict)
    web_url: str


class CommitStats(BaseModel):
    """Changed lines of a commit."""

    additions: int
    deletions: int
    total: int


class CommitDetail(CommitEntity):
    """One commit, with its size and status."""

    stats: CommitStats | None = None
    status: str | None = None
    project_id: int
    last_pipeline: dict[str, Any] | None = None


class BranchEntity(BaseModel):
    """A branch."""

    name: str
    commit: CommitEntity
    merged: bool
    protected: bool
    developers_can_push: bool
    developers_can_merge: bool
    can_push: bool
    default: bool
    web_url: str


class TagEntity(BaseModel):
    """A tag."""

    name: str
    message: str
    target: str
    commit: CommitEntity
    release: dict[str, str] | None = None
    protected: bool = False
    created_at: str | None = None


class DiffEntity(BaseModel):
    """One file's change."""

    diff: str
    new_path: str
    old_path: str
    a_mode: str
    b_mode: str
    new_file: bool
    renamed_file: bool
    deleted_file: bool
    generated_file: bool | None = None
    collapsed: bool = False
    too_large: bool = False


def commit(unit: Unit, project: Project, row: Commit) -> CommitEntity:
    """A commit in lists."""
    return CommitEntity(**_commit(unit, project, row))


def commit_detail(
    unit: Unit,
    project: Project,
    row: Commit,
    stats: bool,
    status: str | None = None,
    pipeline: dict[str, Any] | None = None,
) -> CommitDetail:
    """One commit."""
    parent = row.parents[0] if row.parents else None
    counted = reading.difference(parent, row).stats if stats else None
    return CommitDetail(
        **_commit(unit, project, row),
        project_id=project.id,
        status=status,
        last_pipeline=pipeline,
        stats=CommitStats(
            additions=counted.insertions,
            deletions=counted.deletions,
            total=counted.insertions + counted.deletions,
        )
        if counted
        else None,
    )


def branch(
    unit: Unit, project: Project, repo: Repository, name: str, row: Commit, policy: PushPolicy
) -> BranchEntity:
    """A branch and what the caller may do with it."""
    developer = PushPolicy(30, policy.default_branch, policy.protections)
    default = reading.branch(repo, project.default_branch or "")
    protected = bool(policy.covering(name))
    return BranchEntity(
        name=name,
        commit=commit(unit, project, row),
        merged=name != project.default_branch
        and default is not None
        and reading.is_ancestor(repo, row, default),
        protected=protected,
        developers_can_push=protected and developer.may_push(name),
        developers_can_merge=protected and developer.may_merge(name),
        can_push=policy.level >= 30 and policy.may_push(name),
        default=name == project.default_branch,
        web_url=f"{unit.server.url}/{routing.project_path(unit.db, project)}/-/tree/{name}",
    )


def tag(unit: Unit, project: Project, name: str, row: Commit, target: str, message: str) -> TagEntity:
    """A tag."""
    return TagEntity(name=name, message=message, target=target, commit=commit(unit, project, row))


def differences(diff: Diff) -> list[DiffEntity]:
    """All files' changes."""
    return [_difference(patch) for patch in diff if patch is not None]


def signature_time(signature: Signature) -> str:
    """A commit's moment in its author's zone, as GitLab writes it."""
    zone = timezone(timedelta(minutes=signature.offset))
    return datetime.fromtimestamp(signature.time, zone).isoformat(timespec="milliseconds")


def title_of(message: str) -> str:
    """The first line of a commit message."""
    return message.strip().split("\n", 1)[0]


def _commit(unit: Unit, project: Project, row: Commit) -> dict[str, Any]:
    sha = str(row.id)
    trailers = _trailers(row.message)
    return {
        "id": sha,
        "short_id": sha[:8],
        "created_at": signature_time(row.committer),
        "parent_ids": [str(parent) for parent in row.parent_ids],
        "title": title_of(row.message),
        "message": row.message,
        "author_name": row.author.name,
        "author_email": row.author.email,
        "authored_date": signature_time(row.author),
        "committer_name": row.committer.name,
        "committer_email": row.committer.email,
        "committed_date": signature_time(row.committer),
        "trailers": {key: values[-1] for key, values in trailers.items()},
        "extended_trailers": trailers,
        "web_url": f"{unit.server.url}/{routing.project_path(unit.db, project)}/-/commit/{sha}",
    }


def _trailers(message: str) -> dict[str, list[str]]:
    paragraphs = message.strip().split("\n\n")
    if len(paragraphs) < 2:
        return {}
    found: dict[str, list[str]] = {}
    for line in paragraphs[-1].splitlines():
        matched = _TRAILER.match(line)
        if matched is None:
            return {}
        found.setdefault(matched.group(1), []).append(matched.group(2))
    return found


def _difference(patch: Patch) -> DiffEntity:
    delta = patch.delta
    status = delta.status_char()
    text = patch.text or ""
    start = text.find("@@")
    return DiffEntity(
        diff=text[start:] if start >= 0 else "",
        new_path=delta.new_file.path,
        old_path=delta.old_file.path,
        a_mode=f"{delta.old_file.mode:o}" if status != "A" else "0",
        b_mode=f"{delta.new_file.mode:o}" if status != "D" else "0",
        new_file=status == "A",
        renamed_file=status == "R",
        deleted_file=status == "D",
    )
