"""Roles, visibility and token scopes: who may see and who may do what.

Source: GitLab's "Roles and permissions" and "Token scopes" pages.
"""

from __future__ import annotations

from enum import IntEnum

NO_ACCESS = 0


class Role(IntEnum):
    """Access levels as the API writes them."""

    MINIMAL = 5
    GUEST = 10
    PLANNER = 15
    REPORTER = 20
    DEVELOPER = 30
    MAINTAINER = 40
    OWNER = 50
    ADMIN = 60


#: Roles that a member can be given.
GRANTABLE = frozenset(int(role) for role in Role if role is not Role.ADMIN)
DESCRIPTIONS = {
    0: "No one",
    30: "Developers + Maintainers",
    40: "Maintainers",
    60: "Instance admins",
}
VISIBILITIES = ("private", "internal", "public")

#: Scopes that a personal, project or group access token can carry.
TOKEN_SCOPES = frozenset(
    "api read_api read_user create_runner manage_runner k8s_proxy self_rotate read_repository"
    " write_repository read_registry write_registry ai_features sudo admin_mode read_service_ping".split()
)
DEPLOY_TOKEN_SCOPES = frozenset(
    "read_repository read_registry write_registry read_package_registry write_package_registry"
    " read_virtual_registry write_virtual_registry".split()
)
READING_SCOPES = frozenset({"api", "read_api"})
WRITING_SCOPES = frozenset({"api"})


def visible(visibility: str, signed_in: bool, external: bool, level: int) -> bool:
    """Whether an object of that visibility can be seen with that role (0: none)."""
    if level >= Role.MINIMAL or visibility == "public":
        return True
    return visibility == "internal" and signed_in and not external


def code_readable(visibility: str, signed_in: bool, external: bool, level: int) -> bool:
    """Whether code can be read: as seeing, but a private project's guests see no code."""
    if visibility == "private":
        return level >= Role.REPORTER
    return visible(visibility, signed_in, external, level)


def wider(visibility: str, parent: str) -> bool:
    """Whether a visibility is more open than its parent's, which GitLab refuses."""
    return VISIBILITIES.index(visibility) > VISIBILITIES.index(parent)


def git_scope_allows(scopes: frozenset[str], write: bool) -> bool:
    """Whether a token's scopes allow fetching (or pushing) over HTTP."""
    if "api" in scopes:
        return True
    return "write_repository" in scopes or (not write and "read_repository" in scopes)
