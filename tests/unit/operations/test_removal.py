"""Only a repository that Groundwork made, and that nobody has committed to, may be deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from groundwork.clients.gitlab import CommitInfo, GitLabProject
from groundwork.model.entities import Observation, Project, Repository
from groundwork.model.lifecycle import DecommissionRequest
from groundwork.model.statuses import Status
from groundwork.operations.removal import reason_to_keep
from groundwork.operations.retirement import Retirement, decide
from groundwork.resources import ownership

ID, OTHER = UUID(int=1), UUID(int=2)
PROJECT = Project(
    id=ID,
    organization_id=UUID(int=3),
    slug="shop",
    name="Shop",
    requested_by=UUID(int=4),
    template_id="web-service",
    template_version="1.0.0",
    template_answers={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    state=Observation(Status.FAILED, "SyncFailed", "no"),
)
RECORDED = Repository(
    id=UUID(int=5),
    project_id=ID,
    path="platform/shop",
    visibility="private",
    default_branch="main",
    description="",
    gitlab_id=7,
    http_url="https://git.example.com/platform/shop.git",
    web_url="https://git.example.com/platform/shop",
    created_by_us=True,
    state=Observation(Status.SYNCED, "Observed", revision="a" * 40),
)
OURS = CommitInfo("a" * 40, "Start", f"Start\n\nProject: {ID}\n", "groundwork@localhost")
AMENDED = replace(OURS, committer_email="ada@example.com")
OF_ANOTHER = replace(OURS, message=f"Start\n\nProject: {OTHER}\n")
THEIRS = CommitInfo("b" * 40, "Fix it", "Fix it", "ada@example.com")
FOUND = GitLabProject(
    id=7,
    path="platform/shop",
    name="Shop",
    description="",
    visibility="private",
    default_branch="main",
    archived=False,
    http_url="https://git.example.com/platform/shop.git",
    web_url="https://git.example.com/platform/shop",
    topics=ownership.topics(ID),
    deletion_date=None,
)
ADOPTED = replace(FOUND, topics=ownership.topics(ID, adopted=True))


@pytest.mark.parametrize(
    ("found", "recorded", "commits", "why"),
    [
        (FOUND, RECORDED, [OURS], None),
        (FOUND, RECORDED, [], None),
        (FOUND, RECORDED, [THEIRS, OURS], "bbbbbbbbbbbb (Fix it)"),
        (FOUND, RECORDED, [OURS, THEIRS, OURS], "bbbbbbbbbbbb (Fix it)"),
        (FOUND, RECORDED, [AMENDED], "aaaaaaaaaaaa (Start)"),
        (FOUND, RECORDED, [OF_ANOTHER], "aaaaaaaaaaaa (Start)"),
        (FOUND, replace(RECORDED, created_by_us=False), [OURS], "adopted it"),
        (replace(FOUND, topics=ownership.topics(ID, adopted=True)), RECORDED, [], "adopted it"),
        (replace(FOUND, topics=()), RECORDED, [OURS], "not made for this project"),
        (replace(FOUND, topics=ownership.topics(OTHER)), RECORDED, [], "not made for this project"),
    ],
)
def test_why_a_repository_is_kept(
    found: GitLabProject, recorded: Repository, commits: list[CommitInfo], why: str | None
) -> None:
    kept = reason_to_keep(found, commits, PROJECT, recorded)
    assert kept is None if why is None else why in str(kept)


@pytest.mark.parametrize(
    ("changes", "recorded", "found", "commits", "expected"),
    [
        ({}, RECORDED, FOUND, [THEIRS], Retirement.ARCHIVE),
        ({"repository": "keep"}, RECORDED, FOUND, [OURS], Retirement.KEEP),
        ({"repository": "delete"}, RECORDED, FOUND, [OURS], Retirement.DELETE),
        ({"repository": "delete"}, RECORDED, FOUND, [THEIRS], Retirement.ARCHIVE),
        (
            {"repository": "delete", "delete_foreign_commits": True},
            RECORDED,
            FOUND,
            [THEIRS],
            Retirement.DELETE,
        ),
        ({"repository": "delete", "delete_foreign_commits": True}, RECORDED, ADOPTED, [], Retirement.UNMARK),
        ({"repository": "delete"}, replace(RECORDED, created_by_us=False), FOUND, [], Retirement.UNMARK),
        ({"repository": "delete"}, RECORDED, replace(FOUND, topics=()), [OURS], Retirement.LEAVE),
        ({}, RECORDED, replace(FOUND, deletion_date="2026-12-01"), [OURS], Retirement.DELETE),
        ({"repository": "delete"}, RECORDED, None, [], Retirement.NOTHING),
    ],
)
def test_what_becomes_of_a_repository(
    changes: dict[str, Any],
    recorded: Repository,
    found: GitLabProject | None,
    commits: list[CommitInfo],
    expected: Retirement,
) -> None:
    request = DecommissionRequest(project_id="shop", user_id="demo", **changes)
    assert decide(found, commits, PROJECT, recorded, request).retirement is expected
