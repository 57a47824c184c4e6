"""When a token is due, and when it is known that Flux could fetch with the new one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from groundwork.resources import credentials, git_repository

ASKED = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("end", "due"),
    [("2026-03-01", True), ("2026-03-02", True), ("2026-03-03", False), ("", True), (None, True)],
)
def test_a_token_is_due_by_its_end_and_without_one(end: str | None, due: bool) -> None:
    annotations = {} if end is None else {credentials.TOKEN_END_ANNOTATION: end}
    assert credentials.ends_by({"metadata": {"annotations": annotations}}, date(2026, 3, 2)) is due


def source(*, handled: str | None = ASKED, ready: str = "True", observed: int = 2) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "observedGeneration": observed, "message": "no access"}
    status: dict[str, Any] = {"conditions": [condition], "lastHandledReconcileAt": handled}
    return {"metadata": {"generation": 2}, "status": status}


@pytest.mark.parametrize(
    ("existing", "why"),
    [
        (source(), None),
        (None, "is not there"),
        ({"metadata": {"generation": 1}}, "has not looked yet"),
        (source(handled=None), "has not looked yet"),
        (source(handled="2025-12-31T00:00:00+00:00"), "has not looked yet"),
        (source(ready="False"), "no access"),
        (source(ready="Unknown"), "no access"),
        (source(observed=1), "no access"),
    ],
)
def test_only_a_fetch_that_was_asked_for_proves_a_token(
    existing: dict[str, Any] | None, why: str | None
) -> None:
    found = git_repository.not_fetched(existing, ASKED)
    assert found is None if why is None else why in str(found)
