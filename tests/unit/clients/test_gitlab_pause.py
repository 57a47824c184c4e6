"""How long GitLab asks to wait, from the headers of its two kinds of 429."""

from __future__ import annotations

import pytest

from groundwork.clients.gitlab.transport import pause

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "12"}, 12.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "12", "RateLimit-Reset": "1800000060"}, 12.0),
        ({"RateLimit-Reset": "1800000060"}, 60.0),
        ({"RateLimit-Reset": "1799999000"}, 1.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_the_pause_is_what_gitlab_asks_for_or_left_to_the_caller(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert pause(headers, NOW) == seconds
