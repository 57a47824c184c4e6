"""What stands between how things are and how they should be. Plan, apply and reconcile speak it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class System(StrEnum):
    """Where a thing lives."""

    DATABASE = "database"
    GITLAB = "gitlab"
    CLUSTER = "cluster"


class Action(StrEnum):
    """What is to be done. `wait`: it is being deleted, and is made anew afterwards."""

    NONE = "none"
    CREATE = "create"
    ADOPT = "adopt"
    CHANGE = "change"
    RESTORE = "restore"
    WAIT = "wait"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Difference:
    """One field that is not as it should be; `field` is a dotted path, None an absent value."""

    field: str
    observed: Any
    desired: Any

    def __str__(self) -> str:
        return f"{self.field}: {_shown(self.observed)} -> {_shown(self.desired)}"


@dataclass(frozen=True)
class Change:
    """What is to be done to one thing. `scope` is the environment's slug, or '' for the whole project;
    `message` says why where the action alone does not."""

    system: System
    scope: str
    kind: str
    name: str
    action: Action
    differences: tuple[Difference, ...] = ()
    message: str = ""


def _shown(value: Any) -> str:
    return "-" if value is None else repr(value) if isinstance(value, str) else str(value)
