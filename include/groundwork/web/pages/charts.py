"""Small charts as numbers ready to draw: bars in a box of 100 by 40. Pure; the template draws them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from groundwork.web.schemas import Day, Health, SyncTimes

DAYS = 14
WIDTH, HEIGHT = 100.0, 40.0
_GAP = 0.25


@dataclass(frozen=True)
class Bar:
    """One bar; `kind` names its style, `title` says what it stands for."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True)
class Chart:
    """Bars from left to right, and the same as a table: a row of texts per day, with the columns' names."""

    bars: tuple[Bar, ...]
    highest: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def of_health(health: Health, today: date) -> dict[str, Chart]:
    """The charts of the health page, of the days up to `today`."""
    days = _every_day(health.days, today)
    return {"operations": _operations(days), "times": _times(days)}


def _operations(days: Sequence[Day]) -> Chart:
    highest = max([item.succeeded + item.failed for item in days], default=0)
    bars = []
    for index, item in enumerate(days):
        title = f"{item.day:%d %b}: {item.succeeded} succeeded, {item.failed} failed"
        done = _bar(index, len(days), item.succeeded, highest, "good", title)
        failed = _bar(index, len(days), item.failed, highest, "bad", title)
        bars += [done, Bar(failed.x, failed.y - done.height, failed.width, failed.height, "bad", title)]
    rows = [(f"{item.day:%d %b}", str(item.succeeded), str(item.failed)) for item in days]
    return Chart(tuple(bars), str(highest), ("Day", "Succeeded", "Failed"), tuple(rows))


def _times(days: Sequence[Day]) -> Chart:
    highest = max([item.synced.p95 or 0.0 for item in days], default=0.0)
    bars = []
    for index, item in enumerate(days):
        p50, p95 = item.synced.p50 or 0.0, item.synced.p95 or 0.0
        title = f"{item.day:%d %b}: p50 {p50:.1f} s, p95 {p95:.1f} s"
        bars.append(_bar(index, len(days), p95, highest, "pale", title))
        bars.append(_bar(index, len(days), p50, highest, "good", title))
    rows = [
        (f"{item.day:%d %b}", f"{item.synced.p50 or 0:.1f} s", f"{item.synced.p95 or 0:.1f} s")
        for item in days
    ]
    return Chart(tuple(bars), f"{highest:.1f} s", ("Day", "p50", "p95"), tuple(rows))


def _bar(index: int, number: int, value: float, highest: float, kind: str, title: str) -> Bar:
    width = WIDTH / max(number, 1)
    height = HEIGHT * value / highest if highest else 0.0
    return Bar(
        x=round(index * width + width * _GAP / 2, 2),
        y=round(HEIGHT - height, 2),
        width=round(width * (1 - _GAP), 2),
        height=round(height, 2),
        kind=kind,
        title=title,
    )


def _every_day(days: Sequence[Day], today: date) -> list[Day]:
    """The last `DAYS` days, with those on which nothing happened."""
    known = {item.day: item for item in days}
    nothing = SyncTimes(number=0, p50=None, p95=None)
    span = [today - timedelta(days=number) for number in reversed(range(DAYS))]
    return [known.get(day) or Day(day=day, succeeded=0, failed=0, synced=nothing) for day in span]
