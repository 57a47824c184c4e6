"""What a part of the sandbox is made of: supervised programs, and tasks that run once on the way up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.health import Probe


@dataclass(frozen=True)
class Program:
    """A long-running process: started when what it comes `after` is done, healthy when `probe` passes."""

    name: str
    command: Sequence[str]
    probe: Probe
    url: str = ""
    """Where a person or a client reaches it; empty when nobody should."""
    environment: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    """Names of programs and tasks, of any part, that must be healthy or done first."""
    stop_signal: str = "TERM"
    signal_group: bool = True
    """Send the stop signal to the whole process group, not to the program alone."""
    has_children: bool = False
    """It forks, and its children may outlive it when it is killed: they are ended before it is restarted."""
    healthy_within: float = 120
    """Seconds until it must be healthy after it was started, on a busy machine."""


@dataclass(frozen=True)
class Task:
    """Something that `up` does each time, and that changes nothing when it was done before."""

    name: str
    run: Callable[[], None]
    after: Sequence[str] = ()


@dataclass(frozen=True)
class External:
    """An existing system that takes a part's place."""

    url: str
    check: Callable[[], None]
    """Returns when the system works, raises `ExternalSystemUnreachable` when it does not."""


class Part(ABC):
    """A group of programs and tasks that stand for one system, such as Postgres or Airflow."""

    name: str

    @abstractmethod
    def prepare(self) -> None:
        """Builds and writes what the programs need before any is started; called with the ports known."""

    @abstractmethod
    def programs(self) -> list[Program]:
        """The programs, none when an external system takes this part's place."""

    @abstractmethod
    def tasks(self) -> list[Task]:
        """The tasks; they order themselves by `after`."""

    @property
    @abstractmethod
    def ports(self) -> Mapping[str, Sequence[str]]:
        """Names of the ports that each program listens on, by the program's name."""

    def external(self) -> External | None:
        """The existing system that is used instead of programs of ours, if there is one."""
        return None

    @abstractmethod
    def env(self) -> dict[str, str]:
        """The entries of the state folder's `env` file that this part provides."""


class ExternalPart(Part):
    """An existing system in the place of programs of ours: looked at, never started or changed."""

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return {}

    def prepare(self) -> None:
        """Nothing to prepare: the system is somebody else's."""

    def programs(self) -> list[Program]:
        return []
