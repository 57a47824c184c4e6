"""The protection of the default branch: there is one, and nobody may force-push.

GitLab makes one itself with the first commit, if the group's settings say so. Who may push and merge is the
team's own choice and stays as it is found; a protection that is missing starts with Maintainers.
"""

from __future__ import annotations

from groundwork.clients.gitlab import BranchProtection, GitLab
from groundwork.errors import Conflict
from groundwork.model.changes import Action, Change, System
from groundwork.model.entities import Repository
from groundwork.resources.differences import differences

KIND = "BranchProtection"
_DESIRED = {"allow_force_push": False}


def change(repository: Repository, found: BranchProtection | None) -> Change:
    """What is to be done so that the default branch is protected. Pure."""
    differ = differences(_DESIRED, vars(found) if found else None)
    action = Action.CREATE if found is None else Action.CHANGE if differ else Action.NONE
    return Change(System.GITLAB, "", KIND, repository.default_branch, action, differ)


def apply(gitlab: GitLab, repository: Repository, gitlab_id: int) -> Change:
    """Make it so; answers what was to be done."""
    branch = repository.default_branch
    planned = change(repository, gitlab.protected_branches.find(gitlab_id, branch))
    if planned.action is Action.CREATE:
        try:
            gitlab.protected_branches.protect(gitlab_id, branch)
        except Conflict:
            # GitLab has made its own meanwhile.
            gitlab.protected_branches.forbid_force_push(gitlab_id, branch)
    elif planned.action is Action.CHANGE:
        gitlab.protected_branches.forbid_force_push(gitlab_id, branch)
    return planned
