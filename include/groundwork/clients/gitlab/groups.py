"""GitLab groups: where projects go, and whether the token may put them there."""

from __future__ import annotations

from typing import Any

from groundwork.clients.gitlab.transport import translated
from groundwork.clients.gitlab.types import Group
from groundwork.errors import NotFound, Unavailable

_OWNER = 50  # GitLab docs, "Members API", access levels
_NO_ACCESS = 0
_NOBODY = "noone"  # GitLab docs, "Groups API", project_creation_level


class Groups:
    """Reads groups and the token's own place in them."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def find(self, path: str) -> Group | None:
        """The group with this full path, or None if it does not exist or is hidden from the token."""
        try:
            with translated(f"read group {path}"):
                group = self._api.groups.get(path, with_projects=False)
        except NotFound:
            return None
        closed = getattr(group, "project_creation_level", "") == _NOBODY
        return Group(group.id, group.full_path, group.visibility, closed)

    def access_level(self, group: Group) -> int:
        """The token's user's role in the group, inherited ones included; 50 for administrators."""
        with translated("read its own user"):
            self._api.auth()
            user = self._api.user
        if user is None:
            raise Unavailable("GitLab did not say whose token this is.")
        if getattr(user, "is_admin", False):
            return _OWNER
        try:
            with translated(f"read its membership in group {group.path}"):
                return int(self._api.groups.get(group.id, lazy=True).members_all.get(user.id).access_level)
        except NotFound:
            return _NO_ACCESS

    def has_project_named(self, group: Group, name: str) -> bool:
        """Whether the group holds a project of this name; GitLab keeps names unique beside paths."""
        with translated(f"list projects of group {group.path}"):
            found = self._api.groups.get(group.id, lazy=True).projects.list(
                search=name, simple=True, iterator=True
            )
            return any(project.name.lower() == name.lower() for project in found)
