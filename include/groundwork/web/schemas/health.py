"""Figures on how the projects do as a whole."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Self

from pydantic import BaseModel

from groundwork.model.statuses import Status
from groundwork.records.figures import Figures


class SyncTimes(BaseModel):
    """How long requests took to become synced, seconds."""

    number: int
    p50: float | None
    p95: float | None


class Day(BaseModel):
    day: date
    succeeded: int
    failed: int
    synced: SyncTimes


class GitLabBudget(BaseModel):
    """Requests that GitLab still takes from Groundwork before it asks for a pause."""

    limit: int
    remaining: int


class Health(BaseModel):
    """`stuck` counts unfinished projects nobody works on; `drifted_slug` has the drift that is open longest.

    `waiting` counts environments that wait for Flux now.
    """

    counts: dict[Status, int]
    stuck: int
    synced: SyncTimes
    days: list[Day]
    drifted_slug: str | None
    drifted_since: datetime | None
    waiting: int
    waiting_since: datetime | None

    @classmethod
    def of(cls, figures: Figures) -> Self:
        def times(found: Any) -> SyncTimes:
            return SyncTimes(number=found.number, p50=found.p50, p95=found.p95)

        return cls(
            counts=figures.counts,
            stuck=figures.stuck,
            synced=times(figures.synced),
            days=[
                Day(day=item.day, succeeded=item.succeeded, failed=item.failed, synced=times(item.synced))
                for item in figures.days
            ],
            drifted_slug=figures.drifted_slug,
            drifted_since=figures.drifted_since,
            waiting=figures.waiting,
            waiting_since=figures.waiting_since,
        )
