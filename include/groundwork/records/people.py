"""Whom and what a person may choose from: organizations with their environments, members. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from groundwork.model.entities import Environment, Organization, User
from groundwork.records import rows
from groundwork.records.connection import Database

_USER: Final = "SELECT * FROM users WHERE username = %(username)s"
_ORGANIZATIONS: Final = "SELECT * FROM organizations ORDER BY name, slug"
_ENVIRONMENTS: Final = "SELECT * FROM environments ORDER BY created_at, slug"
_MEMBERS: Final = """
SELECT memberships.organization_id, users.* FROM memberships JOIN users ON users.id = memberships.user_id
ORDER BY users.name, users.username
"""


@dataclass(frozen=True)
class Membership:
    """An organization with its environments and the users who may ask for projects in it."""

    organization: Organization
    environments: list[Environment]
    members: list[User]


class People:
    """Reads organizations with all that belongs to them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def user(self, username: str) -> User | None:
        """The user of exactly this name."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_USER, username=username)
        return rows.user(row) if row else None

    def memberships(self, username: str | None = None) -> list[Membership]:
        """All organizations, or those that the user of this name is a member of."""
        with self._database.transaction() as transaction:
            organizations = [rows.organization(row) for row in transaction.all(_ORGANIZATIONS)]
            environments = [rows.environment(row) for row in transaction.all(_ENVIRONMENTS)]
            members = [(row["organization_id"], rows.user(row)) for row in transaction.all(_MEMBERS)]
        found = [
            Membership(
                organization=item,
                environments=[one for one in environments if one.organization_id == item.id],
                members=[user for organization_id, user in members if organization_id == item.id],
            )
            for item in organizations
        ]
        if username is None:
            return found
        return [item for item in found if any(user.username == username for user in item.members)]
