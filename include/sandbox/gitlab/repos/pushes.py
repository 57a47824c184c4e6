"""What one push needs on disk: the policy its hook judges by, the changes it made.

Each push has a folder under `pushes/`. It is removed when its effects are recorded; one that a
killed server left behind is found and worked off at the next start.
"""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from sandbox.gitlab.repos import hook
from sandbox.gitlab.rules.protection import PushPolicy

_ZERO = "0" * 40


@dataclass(frozen=True)
class AppliedChange:
    """One ref that a push (or an API commit) changed; forty zeros stand for nothing."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True)
class Push:
    """One push under way or just ended."""

    folder: Path
    project_id: int
    user_id: int | None

    def changes(self) -> list[AppliedChange]:
        """The refs git has changed; empty when the push was refused."""
        path = self.folder / hook.CHANGES_FILE
        if not path.exists():
            return []
        rows = [line.split(" ", 2) for line in path.read_text().splitlines()]
        return [AppliedChange(ref, old, new) for old, new, ref in rows]

    def forget(self) -> None:
        """Remove the folder: everything it was for is recorded."""
        shutil.rmtree(self.folder, ignore_errors=True)


class PushFolders:
    """All pushes' folders, and the hooks that git runs."""

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir / "pushes"
        self._root.mkdir(parents=True, exist_ok=True)
        self.hooks = state_dir / "hooks"
        self._install_hooks()

    def begin(self, project_id: int, user_id: int | None, policy: PushPolicy, reject: str = "") -> Push:
        """Prepare a push: write the policy where the hook finds it."""
        folder = self._root / uuid.uuid4().hex
        folder.mkdir()
        protections = [
            {
                "pattern": item.pattern,
                "push": item.push_levels,
                "merge": item.merge_levels,
                "force": item.allow_force_push,
            }
            for item in policy.protections
        ]
        content = {
            "project_id": project_id,
            "user_id": user_id,
            "level": policy.level,
            "default_branch": policy.default_branch,
            "protections": protections,
            "reject": reject,
        }
        (folder / hook.POLICY_FILE).write_text(json.dumps(content))
        return Push(folder, project_id, user_id)

    def unfinished(self) -> list[Push]:
        """Pushes whose effects were not recorded, from before the server started."""
        found = []
        for folder in self._root.iterdir():
            policy = folder / hook.POLICY_FILE
            content = json.loads(policy.read_text() or "{}") if policy.exists() else {}
            if not content or not (folder / hook.CHANGES_FILE).exists():
                shutil.rmtree(folder, ignore_errors=True)
                continue
            found.append(Push(folder, content["project_id"], content["user_id"]))
        return found

    def _install_hooks(self) -> None:
        self.hooks.mkdir(exist_ok=True)
        for name in ("pre-receive", "post-receive"):
            path = self.hooks / name
            path.write_text(
                f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(hook.__file__).resolve()}" {name}\n'
            )
            path.chmod(0o755)
