"""What a diagnosis says: chains of links from the request to the pods, and which link is the cause. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from groundwork.model.entities import Project


class Place(StrEnum):
    """What a link is about, in the order in which one depends on the ones before."""

    RECORD = "record"
    RUN = "run"
    REPOSITORY = "repository"
    COMMIT = "commit"
    NAMESPACE = "namespace"
    CREDENTIALS = "credentials"
    SOURCE = "GitRepository"
    KUSTOMIZATION = "Kustomization"
    WORKLOAD = "workload"


class State(StrEnum):
    """How a link or a whole chain stands.

    `affected`: not as it should be, because of another link. `absent`: has not been made yet.
    `waiting`: somebody is still at it. `unknown`: could not be looked at.
    """

    OK = "ok"
    BROKEN = "broken"
    AFFECTED = "affected"
    ABSENT = "absent"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Link:
    """One link; `reason` and `message` are those of the system that broke, `remedy` says what to do.

    `repairable` is whether running the project again may mend it without anybody changing anything before.
    """

    place: Place
    name: str
    state: State
    reason: str = ""
    message: str = ""
    remedy: str = ""
    repairable: bool = False


@dataclass(frozen=True)
class Chain:
    """The links of one environment, or of a project that has none to tell of (`environment` None).

    `cause` is the link to begin with; None if all is well.
    """

    environment: str | None
    links: tuple[Link, ...]
    cause: Link | None


@dataclass(frozen=True)
class Diagnosis:
    """A project and its chains."""

    project: Project
    chains: tuple[Chain, ...]

    @property
    def state(self) -> State:
        """`broken` if a chain is; else `unknown` or `waiting` if one is; else `ok`."""
        causes = {chain.cause.state for chain in self.chains if chain.cause}
        worst = (State.BROKEN, State.UNKNOWN, State.WAITING)
        return next((state for state in worst if state in causes), State.OK)

    @property
    def repairable(self) -> bool:
        """Whether running the project again may mend anything."""
        return any(
            chain.cause and chain.cause.state is State.BROKEN and chain.cause.repairable
            for chain in self.chains
        )
