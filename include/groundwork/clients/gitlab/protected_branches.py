"""Protection of branches. Source: GitLab docs, "Protected branches API"."""

from __future__ import annotations

from typing import Any

from groundwork.clients.gitlab.transport import translated
from groundwork.clients.gitlab.types import MAINTAINER, BranchProtection
from groundwork.errors import NotFound


class ProtectedBranches:
    """Reads and sets the protection of branches."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def find(self, project_id: int, branch: str) -> BranchProtection | None:
        """How a branch is protected, by its own rule or by one for several branches; None if it is not.

        Whether it may be force-pushed is only known of its own rule.
        """
        try:
            with translated(f"read the protection of {branch} of project {project_id}"):
                own = self._project(project_id).protectedbranches.get(branch)
        except NotFound:
            return BranchProtection() if self._by_wildcard(project_id, branch) else None
        return BranchProtection(allow_force_push=bool(own.allow_force_push))

    def protect(self, project_id: int, branch: str) -> None:
        """Protect a branch: Maintainers push and merge. Raises `Conflict` if it has a rule of its own."""
        values = {
            "name": branch,
            "push_access_level": MAINTAINER,
            "merge_access_level": MAINTAINER,
            "allow_force_push": False,
        }
        with translated(f"protect {branch} of project {project_id}"):
            self._project(project_id).protectedbranches.create(values)

    def forbid_force_push(self, project_id: int, branch: str) -> None:
        """Let nobody force-push a branch that has a rule of its own; who may push and merge stays."""
        with translated(f"protect {branch} of project {project_id}"):
            self._project(project_id).protectedbranches.update(branch, {"allow_force_push": False})

    def _by_wildcard(self, project_id: int, branch: str) -> bool:
        try:
            with translated(f"read branch {branch} of project {project_id}"):
                return bool(self._project(project_id).branches.get(branch).protected)
        except NotFound:
            return False

    def _project(self, project_id: int) -> Any:
        return self._api.projects.get(project_id, lazy=True)
