"""What an event of the audit trail tells a person."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.cli.history_command import changed

SHA = "a" * 40
BEFORE = {"status": "pending", "reason": "Recorded", "message": "", "revision": None}


@pytest.mark.parametrize(
    ("details", "told"),
    [
        (
            {"before": BEFORE, "after": {**BEFORE, "status": "synced", "revision": SHA}},
            "status: pending -> synced; revision: - -> aaaaaaaaaaaa",
        ),
        (
            {
                "before": BEFORE,
                "after": {**BEFORE, "status": "failed", "reason": "Rejected", "message": "dev: no"},
            },
            "status: pending -> failed; reason: Recorded -> Rejected; dev: no",
        ),
        ({"name": "groundwork-git", "before": "31", "after": "32"}, "groundwork-git: 31 -> 32"),
        ({"path": "platform/shop", "before": None, "after": 7}, "platform/shop: - -> 7"),
        ({"before": {"archived": True}, "after": {"archived": False}}, "archived: True -> False"),
        ({"kind": "initialize", "dag_id": "d", "run_id": "r"}, "initialize"),
        (
            {"status": "failed", "reason": "Rejected", "message": "GitLab said no"},
            "failed: Rejected: GitLab said no",
        ),
        ({}, ""),
    ],
)
def test_a_change_is_told_from_before_to_after(details: dict[str, Any], told: str) -> None:
    assert changed(details) == told
