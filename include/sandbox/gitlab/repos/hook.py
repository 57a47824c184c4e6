"""The git hooks of every repository, run by git itself during a push.

Started as `python -I -S hook.py pre-receive|post-receive` with `GITLAB_PUSH_DIR` naming the push's
folder. `pre-receive` judges every ref by the folder's policy and refuses the whole push when one
breaks it; `post-receive` leaves the applied changes for the server. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sandbox.gitlab.rules.protection import Protection, PushPolicy, RefChange, refusal

POLICY_FILE = "policy.json"
CHANGES_FILE = "changes"
_ZERO = {"0" * 40, "0" * 64}


def main() -> int:
    """Run the hook named by the first argument; the exit code is git's verdict."""
    folder = Path(os.environ["GITLAB_PUSH_DIR"])
    lines = sys.stdin.read().splitlines()
    if sys.argv[1] == "post-receive":
        return _record(folder, lines)
    wanted = json.loads((folder / POLICY_FILE).read_text())
    if wanted["reject"]:
        return _decline(wanted["reject"])
    policy = PushPolicy(
        wanted["level"],
        wanted["default_branch"],
        tuple(
            Protection(item["pattern"], tuple(item["push"]), tuple(item["merge"]), item["force"])
            for item in wanted["protections"]
        ),
    )
    for line in lines:
        text = refusal(policy, _change(line))
        if text is not None:
            return _decline(text)
    return 0


def _record(folder: Path, lines: list[str]) -> int:
    partial = folder / f"{CHANGES_FILE}.part"
    partial.write_text("\n".join(lines))
    partial.rename(folder / CHANGES_FILE)
    return 0


def _decline(text: str) -> int:
    sys.stderr.write(f"GitLab: {text}\n")
    return 1


def _change(line: str) -> RefChange:
    old, new, ref = line.split(" ", 2)
    before, after = (None if value in _ZERO else value for value in (old, new))
    return RefChange(ref, before, after, _forced(before, after))


def _forced(old: str | None, new: str | None) -> bool:
    if old is None or new is None:
        return False
    return subprocess.run(["git", "merge-base", "--is-ancestor", old, new], check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
