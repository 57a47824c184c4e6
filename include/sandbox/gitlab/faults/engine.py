"""Which request meets which fault. Decisions only; the gateway and the git service carry them out."""

from __future__ import annotations

import random
import re
import threading
from typing import Literal

from pydantic import BaseModel, Field, PrivateAttr, field_validator

Kind = Literal[
    "too_many_requests",
    "endpoint_limit",
    "internal_error",
    "bad_gateway",
    "unauthorized",
    "connection_reset",
    "timeout",
    "slow",
    "truncated",
    "empty_list",
    "stale_read",
    "git_reject",
    "git_cut",
    "git_lose_answer",
]


class Fault(BaseModel):
    """One switch: which requests it means, when it strikes, what it does.

    `method` and `path` are matched against the request (`path` is a regular expression searched in the
    decoded path). `nth` strikes only at those matching calls (1 is the first); `times` ends the switch after
    so many strikes; `probability` with `seed` strikes at random but repeatably. `when="after"` lets the
    request take effect before its answer is spoilt.
    """

    id: str = ""
    kind: Kind
    method: str = "*"
    path: str = ".*"
    nth: list[int] = Field(default_factory=list)
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    when: Literal["before", "after"] = "before"
    delay: float = Field(default=1.0, ge=0, description="Seconds, for `slow` and `timeout`.")
    retry_after: int | None = Field(default=None, ge=0, description="Seconds, for the 429 kinds.")
    after_bytes: int = Field(
        default=4096, ge=0, description="Bytes let through, for `truncated` and `git_cut`."
    )
    message: str = Field(default="rejected by a fault switch", description="Text, for `git_reject`.")
    seen: int = Field(default=0, description="Matching calls so far.")
    struck: int = Field(default=0, description="Strikes so far.")
    _random: random.Random = PrivateAttr()

    def model_post_init(self, _context: object) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - repeatable on purpose, keeps no secret

    @field_validator("path")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem}") from None
        return value

    def meets(self, method: str, path: str) -> bool:
        """Count the request if it is meant, and decide whether the fault strikes."""
        if self.method not in ("*", method) or not re.search(self.path, path):
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        self.seen += 1
        if self.nth and self.seen not in self.nth:
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.struck += 1
        return True


class FaultEngine:
    """The switches set at present, in the order they were set; the first that strikes counts."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}
        self._guard = threading.Lock()
        self._made = 0

    def add(self, fault: Fault) -> Fault:
        """Set a switch and give it an id."""
        with self._guard:
            self._made += 1
            fault.id = str(self._made)
            self._faults[fault.id] = fault
            return fault

    def all(self) -> list[Fault]:
        """The switches with their counters."""
        with self._guard:
            return [fault.model_copy() for fault in self._faults.values()]

    def remove(self, fault_id: str) -> bool:
        """Take one switch away; False when it is not set."""
        with self._guard:
            return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Take all switches away."""
        with self._guard:
            self._faults.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault this request meets, if any."""
        if not self._faults:
            return None
        with self._guard:
            return next((fault for fault in self._faults.values() if fault.meets(method, path)), None)
