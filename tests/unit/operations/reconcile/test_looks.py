"""Which projects a pass looks into: those that give cause, and the others in turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from groundwork.clients.gitlab import GitLabProject
from groundwork.model.entities import Observation, Project, Repository
from groundwork.model.statuses import Status
from groundwork.operations.reconcile.looks import choose, needs_content
from groundwork.operations.reconcile.observation import GitLabView, View
from groundwork.records.inventory import RecordedProject

SYNCED = Observation(Status.SYNCED, "Observed", revision="a" * 40)


def repository(number: int, **changes: Any) -> Repository:
    values = {"path": "g/p", "visibility": "private", "default_branch": "main", "description": ""}
    urls = {"http_url": "http://x/g/p.git", "web_url": "http://x/g/p"}
    made = Repository(
        id=UUID(int=number),
        project_id=UUID(int=number),
        gitlab_id=number,
        created_by_us=True,
        state=SYNCED,
        **values,
        **urls,
    )
    return replace(made, **changes)


def recorded(number: int, **changes: Any) -> RecordedProject:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    who = UUID(int=0)
    project = Project(UUID(int=number), who, f"p{number}", "P", who, "t", "1.0.0", {}, now, SYNCED)
    return RecordedProject(project, held=False, repository=repository(number, **changes))


def listed(*numbers: int) -> View:
    found = {
        number: GitLabProject(number, "g/p", "P", "", "private", "main", False, "", "", (), None)
        for number in numbers
    }
    return View(GitLabView(projects=found), {})


def chosen(view: View, after: int | None, limit: int, suspects: tuple[int, ...] = ()) -> list[int]:
    projects = [recorded(number) for number in range(1, 6)]
    since = UUID(int=after) if after else None
    found, up_to = choose(projects, view, {UUID(int=item) for item in suspects}, since, limit)
    return [item.project.id.int for item in found] + ([-up_to.int] if up_to else [])


ALL = listed(1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("after", "limit", "expected"),
    [
        (None, 2, [1, 2, -2]),
        (2, 2, [3, 4, -4]),
        (4, 2, [5, 1, -1]),
        (5, 2, [1, 2, -2]),
        (None, 9, [1, 2, 3, 4, 5, -5]),
    ],
)
def test_all_have_their_turn(after: int | None, limit: int, expected: list[int]) -> None:
    assert chosen(ALL, after, limit) == expected


def test_those_that_give_cause_come_first_and_do_not_move_the_turn() -> None:
    assert chosen(listed(1, 2, 3, 5), 1, 2) == [4, 2, -2]
    assert chosen(ALL, 1, 2, suspects=(5,)) == [5, 2, -2]
    assert chosen(listed(), 3, 2) == [1, 2, -3]


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, False),
        ({"state": replace(SYNCED, status=Status.PENDING)}, False),
        ({"state": replace(SYNCED, revision=None)}, True),
        ({"state": replace(SYNCED, status=Status.APPLIED)}, True),
        ({"created_by_us": False}, False),
        ({"created_by_us": False, "state": replace(SYNCED, status=Status.FAILED)}, True),
    ],
)
def test_what_the_default_branch_holds_is_asked_where_it_is_not_known(
    changes: dict[str, Any], needed: bool
) -> None:
    assert needs_content(repository(1, **changes)) is needed
