"""What a reconcile pass finds wrong, in which classes, and what is done about each class. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from groundwork.errors import Misconfigured
from groundwork.model.changes import Difference, System


class FindingClass(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    DRIFTED = "drifted"
    STUCK = "stuck"
    WAITING = "waiting"
    FAILED = "failed"
    SUSPENDED = "suspended"
    PARKED = "parked"
    CREDENTIALS = "credentials"
    EXPIRING = "expiring"
    UNFINISHED = "unfinished"
    CONFLICT = "conflict"
    REPOSITORY_GONE = "repository_gone"
    ORPHAN = "orphan"
    ZOMBIE = "zombie"
    DEAD_OPERATION = "dead_operation"


DRIFT = frozenset(
    {
        FindingClass.MISSING,
        FindingClass.DRIFTED,
        FindingClass.SUSPENDED,
        FindingClass.CREDENTIALS,
        FindingClass.CONFLICT,
        FindingClass.REPOSITORY_GONE,
    }
)
"""What makes something that was synced `drifted`."""


class Policy(StrEnum):
    """What is done about a finding: it is only told, or it is also put right."""

    REPORT = "report"
    HEAL = "heal"


class FindingState(StrEnum):
    """How a finding stands. `held`: what the outcome names keeps it from being healed for now."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"
    REPAIR_FAILED = "repair_failed"
    HEALED = "healed"
    GONE = "gone"


MEANING: Mapping[FindingClass, str] = {
    FindingClass.MISSING: "recorded, and gone from the cluster",
    FindingClass.DRIFTED: "there, and not as it should be",
    FindingClass.STUCK: "recorded as unfinished though nobody works on it any more",
    FindingClass.WAITING: "Flux has not finished with it for longer than its deadline",
    FindingClass.FAILED: "Flux cannot fetch or apply it, or the workload is not healthy",
    FindingClass.SUSPENDED: "somebody has suspended it in Flux",
    FindingClass.PARKED: "Groundwork suspended it for a commit that has been replaced since",
    FindingClass.CREDENTIALS: "the environment's deploy token is not accepted any more",
    FindingClass.EXPIRING: "the environment's deploy token ends soon and was not rotated",
    FindingClass.UNFINISHED: "the operation that was to make it failed before it came to that",
    FindingClass.CONFLICT: "something that is not the project's is in its place, or it was moved",
    FindingClass.REPOSITORY_GONE: "GitLab does not have the repository any more, or is about to delete it",
    FindingClass.ORPHAN: "carries Groundwork's marks, and no record claims it",
    FindingClass.ZOMBIE: "a project is recorded of which nothing is there any more",
    FindingClass.DEAD_OPERATION: "an operation is recorded as running and has let its lease run out",
}

# What a person did on purpose, what only a person can judge, and what only a removal would settle is told.
_DEFAULTS = {
    FindingClass.MISSING: Policy.HEAL,
    FindingClass.DRIFTED: Policy.HEAL,
    FindingClass.STUCK: Policy.HEAL,
    FindingClass.PARKED: Policy.HEAL,
    FindingClass.CREDENTIALS: Policy.HEAL,
    FindingClass.DEAD_OPERATION: Policy.HEAL,
}
CHOOSABLE = frozenset({*_DEFAULTS, FindingClass.SUSPENDED})
"""The classes whose policy can be chosen: the others have no repair that is not a removal or a guess."""


def policies(chosen: Mapping[str, str]) -> dict[FindingClass, Policy]:
    """The policy of every class, defaults included. Raises `Misconfigured` for a choice there is not."""
    wrong = sorted(each for each, policy in chosen.items() if policy == Policy.HEAL and each not in CHOOSABLE)
    wrong += sorted(each for each in chosen if each not in set(FindingClass))
    if wrong:
        raise Misconfigured(
            f"GROUNDWORK_RECONCILE_POLICY cannot choose that for {', '.join(wrong)}:"
            f" what can be healed is {', '.join(sorted(CHOOSABLE))}."
        )
    return {each: Policy(chosen.get(each, _DEFAULTS.get(each, Policy.REPORT))) for each in FindingClass}


@dataclass(frozen=True)
class Finding:
    """One thing wrong. `place` is the cluster's connection id, or empty; `scope` the environment's slug, or
    empty for the whole project; `project_id` is None for what no record knows."""

    finding_class: FindingClass
    system: System
    kind: str
    name: str
    message: str
    project_id: UUID | None = None
    place: str = ""
    scope: str = ""
    differences: tuple[Difference, ...] = ()

    @property
    def key(self) -> tuple[UUID | None, str, str, str, str, str, str]:
        """What tells it from others, in this pass and the next."""
        return (
            self.project_id,
            self.system,
            self.place,
            self.scope,
            self.finding_class,
            self.kind,
            self.name,
        )

    def __str__(self) -> str:
        where = f" of {self.scope}" if self.scope else ""
        told = "; ".join(str(item) for item in self.differences)
        return f"{self.finding_class}: {self.kind} {self.name}{where}: {self.message or told}"


@dataclass(frozen=True)
class DecidedFinding:
    """A finding with what is to become of it. `id` is that of its row, once it has one; `outcome` says what
    its repair did, or what keeps it."""

    finding: Finding
    policy: Policy
    state: FindingState
    outcome: str = ""
    id: UUID | None = None


class PassStatus(StrEnum):
    """How a pass ended. `incomplete`: at least one system could not be seen as a whole."""

    RUNNING = "running"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class Pass:
    """One reconcile pass. `held` says why its repairs wait for approval, if they do; `counts` are of findings
    by state; `looked_up_to` is the last project whose parts that cannot be listed were read."""

    id: UUID
    dag_id: str
    run_id: str
    triggered_by: str | None
    selection: dict[str, str | None]
    status: PassStatus
    problems: list[str]
    held: str | None
    counts: dict[str, int]
    looked_up_to: UUID | None
    started_at: datetime
    finished_at: datetime | None
