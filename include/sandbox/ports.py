"""Chooses loopback ports for a sandbox once and keeps them, so that its addresses stay the same.

A list shared by all sandboxes of a user keeps two of them from choosing the same port; a port that somebody
else has taken meanwhile is chosen again at the next start.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Collection
from pathlib import Path

from filelock import FileLock

from sandbox.errors import MissingPrerequisite
from sandbox.state import write_private

HOST = "127.0.0.1"

_RANGE = range(20_000, 32_000)  # below Linux' ephemeral range, which outgoing connections use up


class Ports:
    """The ports of one sandbox by name, kept in its state folder `owner`.

    `registry`, shared by all sandboxes of a user, keeps them from choosing the same ones.
    """

    def __init__(self, owner: Path, registry: Path) -> None:
        self._owner = str(owner)
        self._own = owner / "ports.json"
        self._registry = registry
        self._chosen = self._stored()

    def __getitem__(self, name: str) -> int:
        return self._chosen[name]

    @property
    def known(self) -> bool:
        """Whether ports were chosen before."""
        return bool(self._chosen)

    def reserve(self, names: Collection[str], in_use_by_us: Collection[str] = ()) -> None:
        """Makes every name have a port that can be bound, except names whose program runs already.

        Raises `MissingPrerequisite` when no free port is left.
        """
        self._registry.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._registry.with_suffix(".lock")):
            reserved = self._read()
            # Read again: another process may have chosen since this one began.
            mine = self._stored()
            others = {
                port for owner, ports in reserved.items() if owner != self._owner for port in ports.values()
            }
            for name in names:
                if name in mine and (name in in_use_by_us or _is_free(mine[name], others)):
                    continue
                mine[name] = _free_port(others | set(mine.values()))
            reserved[self._owner] = mine
            write_private(self._registry, json.dumps(reserved, indent=1))
            write_private(self._own, json.dumps(mine, indent=1))
        self._chosen = mine

    def release(self) -> None:
        """Gives the ports back when the sandbox's state is removed."""
        self._own.unlink(missing_ok=True)
        self._chosen = {}
        if not self._registry.exists():
            return
        with FileLock(self._registry.with_suffix(".lock")):
            reserved = self._read()
            reserved.pop(self._owner, None)
            write_private(self._registry, json.dumps(reserved, indent=1))

    def _stored(self) -> dict[str, int]:
        chosen: dict[str, int] = json.loads(self._own.read_text()) if self._own.exists() else {}
        return chosen

    def _read(self) -> dict[str, dict[str, int]]:
        if not self._registry.exists():
            return {}
        reserved: dict[str, dict[str, int]] = json.loads(self._registry.read_text())
        return {owner: ports for owner, ports in reserved.items() if Path(owner).exists()}


def _is_free(port: int, reserved_by_others: Collection[int]) -> bool:
    return port not in reserved_by_others and can_bind(port)


def can_bind(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port(taken: Collection[int]) -> int:
    candidates = random.sample(_RANGE, len(_RANGE))
    for port in candidates:
        if port not in taken and can_bind(port):
            return port
    raise MissingPrerequisite(f"no free port on {HOST} between {_RANGE.start} and {_RANGE.stop}")
