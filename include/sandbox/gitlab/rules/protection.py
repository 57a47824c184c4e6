"""What a protected branch allows. Standard library only: the pre-receive hook runs this file's code.

Source: GitLab's "Protected branches" page; refusal texts from `Gitlab::Checks::BranchCheck`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_ALLOWED = "You are not allowed to push code to protected branches on this project."
NO_FORCE = "You are not allowed to force push code to a protected branch on this project."
NO_CREATE = "You are not allowed to create protected branches on this project."
NO_DELETE_DEFAULT = "The default branch of a project cannot be deleted."
NO_DELETE = "You can only delete protected branches using the web interface."
NO_DELETE_ROLE = (
    "You are not allowed to delete protected branches from this project. "
    "Only a project maintainer or owner can delete a protected branch."
)
HEX_NAME = "Branch names cannot be 40 or 64 character hexadecimal strings."


@dataclass(frozen=True)
class Protection:
    """One protected name or wildcard, and the lowest role that may push or merge (0: nobody)."""

    pattern: str
    push_levels: tuple[int, ...]
    merge_levels: tuple[int, ...]
    allow_force_push: bool

    def covers(self, branch: str) -> bool:
        """Whether the branch name is meant: exact, or with `*` for any characters."""
        return bool(re.fullmatch(re.escape(self.pattern).replace(r"\*", ".*"), branch))


@dataclass(frozen=True)
class PushPolicy:
    """Everything a push is judged by: the pusher's role, the default branch, the protections."""

    level: int
    default_branch: str | None
    protections: tuple[Protection, ...]

    def covering(self, branch: str) -> list[Protection]:
        """The protections that mean this branch."""
        return [protection for protection in self.protections if protection.covers(branch)]

    def may_push(self, branch: str) -> bool:
        """Whether the pusher may change the branch at all; the most permissive protection wins."""
        covering = self.covering(branch)
        if not covering:
            return self.level >= 30
        return any(allows(protection.push_levels, self.level) for protection in covering)

    def may_merge(self, branch: str) -> bool:
        """Whether a merge request into the branch may be merged by the caller."""
        covering = self.covering(branch)
        if not covering:
            return self.level >= 30
        return any(allows(item.merge_levels + item.push_levels, self.level) for item in covering)


@dataclass(frozen=True)
class RefChange:
    """One ref of a push. `old`/`new` are None when the ref is made or removed."""

    ref: str
    old: str | None
    new: str | None
    forced: bool


def allows(levels: tuple[int, ...], level: int) -> bool:
    """Whether a role satisfies one of the levels; 0 means nobody."""
    return any(required and level >= required for required in levels)


def refusal(policy: PushPolicy, change: RefChange) -> str | None:
    """Why a pushed ref change is refused, in GitLab's words; None when it is allowed."""
    if not change.ref.startswith("refs/heads/"):
        return None
    branch = change.ref.removeprefix("refs/heads/")
    if change.new is None:
        return _deletion_refusal(policy, branch)
    if change.old is None and re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", branch):
        return HEX_NAME
    if not policy.may_push(branch):
        return NOT_ALLOWED
    if change.forced and not any(item.allow_force_push for item in policy.covering(branch)):
        return NO_FORCE if policy.covering(branch) else None
    return None


def _deletion_refusal(policy: PushPolicy, branch: str) -> str | None:
    if branch == policy.default_branch:
        return NO_DELETE_DEFAULT
    if not policy.covering(branch):
        return None
    return NO_DELETE if policy.level >= 40 else NO_DELETE_ROLE


def default_levels(setting: int) -> tuple[int, int, bool] | None:
    """Push level, merge level and force flag for a new default branch, from `default_branch_protection`.

    0 none, 1 partial (developers push), 2 full, 3 full but developers merge, 4 full after the first push.
    """
    return {0: None, 1: (30, 40, False), 2: (40, 40, False), 3: (40, 30, False), 4: (40, 40, False)}.get(
        setting, (40, 40, False)
    )
