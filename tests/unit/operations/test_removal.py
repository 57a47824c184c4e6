"""Only a repository that Groundwork made, and that nobody has committed to, may be deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from groundwork.clients.gitlab import GitLabProject
from groundwork.model.entities import Observation, Project, Repository
from groundwork.model.statuses import Status
from groundwork.operations.removal import reason_to_keep
from groundwork.resources import ownership

ID, OTHER = UUID(int=1), UUID(int=2)
OURS, THEIRS = "a" * 40, "b" * 40
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
    state=Observation(Status.SYNCED, "Observed", revision=OURS),
)
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


@pytest.mark.parametrize(
    ("found", "recorded", "heads", "why"),
    [
        (FOUND, RECORDED, {"main": OURS}, None),
        (FOUND, RECORDED, {}, None),
        (FOUND, RECORDED, {"main": THEIRS}, "on main"),
        (FOUND, RECORDED, {"main": OURS, "feature": THEIRS}, "on feature"),
        (FOUND, RECORDED, {"main": OURS, "same": OURS}, None),
        (FOUND, replace(RECORDED, created_by_us=False), {"main": OURS}, "adopted it"),
        (replace(FOUND, topics=ownership.topics(ID, adopted=True)), RECORDED, {}, "adopted it"),
        (replace(FOUND, topics=()), RECORDED, {"main": OURS}, "not made for this project"),
        (replace(FOUND, topics=ownership.topics(OTHER)), RECORDED, {}, "not made for this project"),
        (
            FOUND,
            replace(RECORDED, state=Observation(Status.APPLIED, "Accepted")),
            {"main": THEIRS},
            "on main",
        ),
    ],
)
def test_why_a_repository_is_kept(
    found: GitLabProject, recorded: Repository, heads: dict[str, str], why: str | None
) -> None:
    kept = reason_to_keep(found, heads, PROJECT, recorded)
    assert kept is None if why is None else why in str(kept)
