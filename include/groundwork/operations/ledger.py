"""Every step of an operation runs inside this: lease renewed, intent written before, result after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from groundwork.errors import GroundworkError
from groundwork.model.entities import StepEntry
from groundwork.model.statuses import OperationStatus
from groundwork.operations.services import Services

_UNEXPECTED = "InternalError"


@dataclass
class Outcome:
    """Filled in by the step: what it made or found, for the ledger.

    `creates` holds what this operation set out to create, in this attempt and in earlier ones.
    """

    creating: Callable[[str], None]
    creates: set[str]
    external_id: str | None = None
    created: bool | None = None
    result: dict[str, Any] = field(default_factory=dict)


def carried_out(entries: Sequence[StepEntry], last: str) -> bool:
    """Whether an operation has done all it set out to do, up to the step called `last`. Pure."""
    statuses = {entry.step: entry.status for entry in entries}
    ended_well = all(entry.status is OperationStatus.SUCCEEDED for entry in entries)
    return ended_well and statuses.get(last) is OperationStatus.SUCCEEDED


@contextmanager
def step(
    services: Services, operation_id: UUID, name: str, scope: str = "", intent: dict[str, Any] | None = None
) -> Iterator[Outcome]:
    """Record one step of an operation; `scope` is the environment's slug, or '' for the whole project.

    Raises `LeaseLost` before anything is done if another operation has taken the project over.
    """
    services.records.lease.renew(operation_id, services.settings.lease_seconds)
    entry = services.records.ledger.begin(operation_id, name, scope, intent or {})
    creates = set(entry.creates)

    def creating(thing: str) -> None:
        services.records.ledger.creates(entry.id, thing)
        creates.add(thing)

    outcome = Outcome(creating, creates)
    try:
        yield outcome
    except GroundworkError as error:
        services.records.ledger.failed(entry.id, error.reason, error.message)
        raise
    except Exception as error:
        services.records.ledger.failed(entry.id, _UNEXPECTED, f"{name} broke: {type(error).__name__}")
        raise
    services.records.ledger.done(
        entry.id, external_id=outcome.external_id, created=outcome.created, result=outcome.result
    )
