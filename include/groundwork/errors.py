"""Every error Groundwork raises, one class per cause.

Three families say what to do next: `PermanentError` (fail now: a retry would end the same),
`TemporaryError` (try again after `retry_after` seconds) and `WaitingError` (nothing is wrong, somebody else
is not done yet). `reason` is a stable CamelCase word for machines and status rows; the message is for a
person and says what happened, to which object, and what to do next. Knows no library and no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass


class GroundworkError(Exception):
    """Base of all errors of Groundwork. `reason` is stable: it is stored and compared."""

    reason = "InternalError"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PermanentError(GroundworkError):
    """Trying again would end the same; a person or a changed request is needed."""


class TemporaryError(GroundworkError):
    """May succeed later. `retry_after` is seconds, or None to leave the pace to the caller's backoff."""

    reason = "TemporarilyUnavailable"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class WaitingError(TemporaryError):
    """Nothing is broken: another party has not finished yet."""

    reason = "Waiting"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request; `field` is a dotted path in it, e.g. `repository.group_path`."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class InvalidRequest(PermanentError):
    """The request breaks one or more rules; all of them are listed."""

    reason = "InvalidRequest"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("The request is not valid. " + "; ".join(str(problem) for problem in problems))
        self.problems = problems


class PreflightFailed(PermanentError):
    """Something outside the request stands in the way; every finding is listed, nothing was made."""

    reason = "PreflightFailed"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("Nothing was made. " + "; ".join(str(problem) for problem in problems))
        self.problems = problems


class Conflict(PermanentError):
    """The place is taken by something Groundwork did not make for this project; it was not touched."""

    reason = "Conflict"


class NotAllowed(PermanentError):
    """The credentials are refused or lack a right."""

    reason = "NotAllowed"


class NotFound(PermanentError):
    """Something the step depends on does not exist."""

    reason = "NotFound"


class Rejected(PermanentError):
    """The other system understood and refused what was sent."""

    reason = "Rejected"


class QuotaExceeded(TemporaryError):
    """A rate or quota limit was reached; `retry_after` says when there is room again, if known."""

    reason = "QuotaExceeded"


class Unavailable(TemporaryError):
    """The other system could not be reached or answered that it is broken."""

    reason = "Unavailable"


class ProjectBusy(PermanentError):
    """Another operation holds the project's lease."""

    reason = "ProjectBusy"


class LeaseLost(PermanentError):
    """The operation no longer holds its project's lease, so it must not write."""

    reason = "LeaseLost"


class RemovalRefused(PermanentError):
    """Removing would take along what is not Groundwork's; all of it is listed, nothing was removed."""

    reason = "RemovalRefused"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("Nothing was removed. " + "; ".join(str(problem) for problem in problems))
        self.problems = problems


class RemovalStuck(PermanentError):
    """What is being removed did not go in time; the message says what holds it."""

    reason = "RemovalStuck"


class SyncFailed(PermanentError):
    """Flux did not bring an environment to the expected revision."""

    reason = "SyncFailed"


class Misconfigured(PermanentError):
    """A setting or connection is absent or unusable."""

    reason = "Misconfigured"


class Incomplete(PermanentError):
    """A pass could not see a system as a whole: it concluded nothing from it and repaired nothing there."""

    reason = "Incomplete"
