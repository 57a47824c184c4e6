"""One sandbox's state folder: where everything lies, and the secrets that are made once and kept there."""

from __future__ import annotations

import hashlib
import json
import os
import secrets as random_secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

_LONGEST_SOCKET_PATH = 90  # the kernel's limit is 107 bytes; supervisord appends a suffix while it binds


@dataclass(frozen=True)
class State:
    """Paths inside (and, for the control socket, near) the state folder `root`."""

    root: Path

    @property
    def logs(self) -> Path:
        """Folder with one rotated log file per program."""
        return self.root / "logs"

    @property
    def env_file(self) -> Path:
        """`KEY=value` lines that point any tool at the running sandbox."""
        return self.root / "env"

    @property
    def admin_kubeconfig(self) -> Path:
        """Kubeconfig of the embedded control plane's administrator."""
        return self.root / "kubernetes" / "admin.kubeconfig"

    @property
    def lock(self) -> FileLock:
        """Held by whoever changes what runs: `up`, `down`, `destroy`."""
        return FileLock(self.root / "lock")

    @property
    def control_socket(self) -> Path:
        """Unix socket of the process manager: in the state folder, or elsewhere if that path is too long."""
        inside = self.root / "supervisor.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"groundwork-{os.geteuid()}" / f"{name}.sock"

    def create(self) -> None:
        """Makes the folder, for its owner alone."""
        for folder in (self.root, self.logs, self.control_socket.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def secret(self, name: str, make: Callable[[], str] = lambda: random_secrets.token_urlsafe(24)) -> str:
        """The secret called `name`, made by `make` when it is asked for the first time."""
        with FileLock(self.root / "secrets.lock"):
            known = self._secrets()
            if name not in known:
                known[name] = make()
                write_private(self._secrets_file, json.dumps(known, indent=1))
            return known[name]

    def known_secret(self, name: str) -> str | None:
        """The secret called `name`, or None when none was kept yet."""
        return self._secrets().get(name)

    def keep_secret(self, name: str, value: str) -> None:
        """Keeps a secret that another system made, replacing an older one."""
        with FileLock(self.root / "secrets.lock"):
            write_private(self._secrets_file, json.dumps(self._secrets() | {name: value}, indent=1))

    @property
    def _secrets_file(self) -> Path:
        return self.root / "secrets.json"

    def _secrets(self) -> dict[str, str]:
        if not self._secrets_file.exists():
            return {}
        kept: dict[str, str] = json.loads(self._secrets_file.read_text())
        return kept


def write_private(path: Path, text: str) -> None:
    """Writes `path` in one step, readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).rename(path)
