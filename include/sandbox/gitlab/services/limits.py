"""Rate limits and quotas, counted in memory and off unless set over the admin API.

Two kinds, as in GitLab: the request limiter (Rack::Attack: plain text, `Retry-After`) and limits of
single endpoints (JSON). `RateLimit-*` headers are sent with every API answer.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate

from pydantic import BaseModel, Field

_MINUTE = 60


class LimitSettings(BaseModel):
    """What can be limited. None: no limit."""

    requests_per_minute: int | None = Field(default=None, ge=0, description="API requests of one caller.")
    project_creations_per_day: int | None = Field(
        default=None, ge=0, description="POST /projects of one user."
    )
    group_creations_per_day: int | None = Field(default=None, ge=0, description="POST /groups of one user.")
    largest_counted_list: int = Field(default=10_000, ge=0, description="Rows above which totals vanish.")
    largest_offset: int = Field(
        default=50_000, ge=0, description="Offset above which keyset paging is needed."
    )
    immediate_deletion: bool = Field(default=True, description="Allow `permanently_remove`.")
    local_hooks: bool = Field(default=True, description="Allow webhooks to loopback addresses.")
    disable_failing_hooks: bool = Field(
        default=False, description="Disable hooks that keep failing, as GitLab.com."
    )
    hook_backoff_seconds: float = Field(default=60, gt=0, description="First pause of a failing hook.")


@dataclass
class Limits:
    """The limits in force and what was counted against them."""

    settings: LimitSettings = field(default_factory=LimitSettings)
    _requests: dict[str, tuple[int, int]] = field(default_factory=dict)
    _creations: dict[tuple[str, int], deque[float]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def configure(self, settings: LimitSettings) -> None:
        """Replace the limits and start counting afresh."""
        with self._guard:
            self.settings = settings
            self._requests.clear()
            self._creations.clear()

    def observe(self, caller: str) -> tuple[dict[str, str], bool]:
        """Count one request; returns the `RateLimit-*` headers and whether it is over the limit."""
        limit = self.settings.requests_per_minute
        moment = int(time.time())
        window = moment // _MINUTE
        with self._guard:
            seen_window, count = self._requests.get(caller, (window, 0))
            count = count + 1 if seen_window == window else 1
            self._requests[caller] = (window, count)
        shown = limit if limit is not None else 2000
        reset = (window + 1) * _MINUTE
        headers = {
            "RateLimit-Name": "throttle_authenticated_api" if caller else "throttle_unauthenticated_api",
            "RateLimit-Limit": str(shown),
            "RateLimit-Observed": str(count),
            "RateLimit-Remaining": str(max(0, shown - count)),
            "RateLimit-Reset": str(reset),
            "RateLimit-ResetTime": formatdate(reset, usegmt=True),
        }
        over = limit is not None and count > limit
        if over:
            headers["Retry-After"] = str(max(1, reset - moment))
        return headers, over

    def creation_allowed(self, kind: str, user_id: int) -> bool:
        """Count one creation of a `project` or `group`; False when the user's day is used up."""
        limit = getattr(self.settings, f"{kind}_creations_per_day")
        if limit is None:
            return True
        moment = time.monotonic()
        with self._guard:
            made = self._creations.setdefault((kind, user_id), deque())
            while made and made[0] < moment - 86400:
                made.popleft()
            if len(made) >= limit:
                return False
            made.append(moment)
            return True
