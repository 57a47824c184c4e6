"""Figures on how the projects do as a whole, counted from the records. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from groundwork.model.findings import DRIFT
from groundwork.model.statuses import Status
from groundwork.records.connection import Database

_COUNTS: Final = "SELECT status, count(*) AS number FROM projects GROUP BY status"
# Nobody works on them: no operation is running, or the one that is has lost its lease.
_STUCK: Final = """
SELECT count(*) AS number FROM projects
LEFT JOIN leases ON leases.project_id = projects.id AND leases.expires_at > clock_timestamp()
WHERE projects.status IN ('pending', 'applied', 'removing') AND leases.project_id IS NULL
"""
_TIMES: Final = """
SELECT started_at::date AS day, count(*) AS number,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)) AS p95
FROM operations
WHERE kind = 'initialize' AND status = 'succeeded'
  AND started_at > clock_timestamp() - make_interval(days => %(days)s)
GROUP BY GROUPING SETS ((started_at::date), ())
ORDER BY day NULLS FIRST
"""
_OPERATIONS: Final = """
SELECT started_at::date AS day, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE status = 'failed') AS failed
FROM operations WHERE started_at > clock_timestamp() - make_interval(days => %(days)s)
GROUP BY day ORDER BY day
"""
# A finding keeps its row, and when it was first seen, for as long as the thing is wrong.
_DRIFT: Final = """
SELECT projects.slug, findings.first_seen_at AS since
FROM findings JOIN projects ON projects.id = findings.project_id
WHERE findings.ended_at IS NULL AND findings.class = ANY (%(classes)s)
  AND projects.status NOT IN ('removing', 'removed')
ORDER BY findings.first_seen_at, findings.id LIMIT 1
"""
_WAITING: Final = """
SELECT count(*) AS number, min(operation_steps.started_at) AS since
FROM operation_steps JOIN operations ON operations.id = operation_steps.operation_id
WHERE operation_steps.status = 'running' AND operation_steps.step = 'wait_until_synced'
  AND operations.status = 'running'
"""


@dataclass(frozen=True)
class SyncTimes:
    """How long requests took to become synced, seconds; None where none did."""

    number: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Day:
    """What one day's operations came to, and how long its requests took to become synced."""

    day: date
    succeeded: int
    failed: int
    synced: SyncTimes


@dataclass(frozen=True)
class Figures:
    """`stuck` counts unfinished projects nobody works on; `drifted_slug` has the drift that is open longest.

    `waiting` counts the environments that wait for Flux now, the first of them since `waiting_since`.
    """

    counts: dict[Status, int]
    stuck: int
    synced: SyncTimes
    days: list[Day]
    drifted_slug: str | None
    drifted_since: datetime | None
    waiting: int
    waiting_since: datetime | None


class Tally:
    """Counts over all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(self, days: int = 14) -> Figures:
        """Figures as of now; times and operations over the last `days` days."""
        with self._database.transaction() as transaction:
            counts = {Status(row["status"]): row["number"] for row in transaction.all(_COUNTS)}
            times = {
                row["day"]: SyncTimes(row["number"], row["p50"], row["p95"])
                for row in transaction.all(_TIMES, days=days)
            }
            operations = transaction.all(_OPERATIONS, days=days)
            drift = transaction.maybe(_DRIFT, classes=sorted(DRIFT)) or {}
            waiting = transaction.one(_WAITING)
            stuck = transaction.one(_STUCK)
        nothing = SyncTimes(0, None, None)
        return Figures(
            counts={status: counts.get(status, 0) for status in Status},
            stuck=stuck["number"],
            synced=times.get(None, nothing),
            days=[
                Day(row["day"], row["succeeded"], row["failed"], times.get(row["day"], nothing))
                for row in operations
            ],
            drifted_slug=drift.get("slug"),
            drifted_since=drift.get("since"),
            waiting=waiting["number"],
            waiting_since=waiting["since"],
        )
