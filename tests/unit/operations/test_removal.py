"""Only a repository that Groundwork made, and that nobody has committed to, may be deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundwork.clients.gitlab import CommitInfo, GitLabProject
from groundwork.model.entities import Observation, Repository
from groundwork.model.lifecycle import DecommissionRequest
from groundwork.model.statuses import Status
from groundwork.operations.removal import reason_to_keep
from groundwork.operations.retirement import Retirement, decide
from groundwork.resources import ownership
from tests.unit.shop import ID, IN_GITLAB, OTHER, PROJECT, REPOSITORY

SYNCED = replace(REPOSITORY, state=Observation(Status.SYNCED, "Observed", revision="a" * 40))
OURS = CommitInfo("a" * 40, "Start", f"Start\n\nProject: {ID}\n", "groundwork@localhost")
AMENDED = replace(OURS, committer_email="ada@example.com")
OF_ANOTHER = replace(OURS, message=f"Start\n\nProject: {OTHER}\n")
THEIRS = CommitInfo("b" * 40, "Fix it", "Fix it", "ada@example.com")
ADOPTED = replace(IN_GITLAB, topics=ownership.topics(ID, adopted=True))


@pytest.mark.parametrize(
    ("found", "recorded", "commits", "why"),
    [
        (IN_GITLAB, SYNCED, [OURS], None),
        (IN_GITLAB, SYNCED, [], None),
        (IN_GITLAB, SYNCED, [THEIRS, OURS], "bbbbbbbbbbbb (Fix it)"),
        (IN_GITLAB, SYNCED, [OURS, THEIRS, OURS], "bbbbbbbbbbbb (Fix it)"),
        (IN_GITLAB, SYNCED, [AMENDED], "aaaaaaaaaaaa (Start)"),
        (IN_GITLAB, SYNCED, [OF_ANOTHER], "aaaaaaaaaaaa (Start)"),
        (IN_GITLAB, replace(SYNCED, created_by_us=False), [OURS], "adopted it"),
        (replace(IN_GITLAB, topics=ownership.topics(ID, adopted=True)), SYNCED, [], "adopted it"),
        (replace(IN_GITLAB, topics=()), SYNCED, [OURS], "not made for this project"),
        (replace(IN_GITLAB, topics=ownership.topics(OTHER)), SYNCED, [], "not made for this project"),
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
        ({}, SYNCED, IN_GITLAB, [THEIRS], Retirement.ARCHIVE),
        ({"repository": "keep"}, SYNCED, IN_GITLAB, [OURS], Retirement.KEEP),
        ({"repository": "delete"}, SYNCED, IN_GITLAB, [OURS], Retirement.DELETE),
        ({"repository": "delete"}, SYNCED, IN_GITLAB, [THEIRS], Retirement.ARCHIVE),
        (
            {"repository": "delete", "delete_foreign_commits": True},
            SYNCED,
            IN_GITLAB,
            [THEIRS],
            Retirement.DELETE,
        ),
        ({"repository": "delete", "delete_foreign_commits": True}, SYNCED, ADOPTED, [], Retirement.UNMARK),
        ({"repository": "delete"}, replace(SYNCED, created_by_us=False), IN_GITLAB, [], Retirement.UNMARK),
        ({"repository": "delete"}, SYNCED, replace(IN_GITLAB, topics=()), [OURS], Retirement.LEAVE),
        ({}, SYNCED, replace(IN_GITLAB, deletion_date="2026-12-01"), [OURS], Retirement.DELETE),
        ({"repository": "delete"}, SYNCED, None, [], Retirement.NOTHING),
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
