"""Who may ask and where things may go: organizations, users, memberships, environments.

Each can be named by id or by slug (users by id or user name): a reference in the form of an id is only ever
an id, which the schema forbids slugs to have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import Environment, Organization, Policy, User
from groundwork.records import rows
from groundwork.records.connection import Database, Transaction, json
from groundwork.records.references import as_id

_ORGANIZATION = """
SELECT * FROM organizations WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s
"""
_USER = """
SELECT * FROM users WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND username = %(reference)s
"""
_ENVIRONMENT = """
SELECT * FROM environments
WHERE organization_id = %(organization_id)s
  AND (id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s)
"""
_ENVIRONMENTS = """
SELECT * FROM environments
WHERE organization_id = %(organization_id)s::uuid OR %(organization_id)s::uuid IS NULL
ORDER BY organization_id, created_at, slug
"""
_IS_MEMBER = """
SELECT EXISTS (
    SELECT FROM memberships WHERE organization_id = %(organization_id)s AND user_id = %(user_id)s
) AS is_member
"""
_ENSURE_ORGANIZATION = """
INSERT INTO organizations (slug, name) VALUES (%(slug)s, %(name)s)
ON CONFLICT (slug) DO UPDATE SET name = excluded.name
RETURNING *
"""
_ENSURE_USER = """
INSERT INTO users (username, name) VALUES (%(username)s, %(name)s)
ON CONFLICT (username) DO UPDATE SET name = excluded.name
RETURNING *
"""
_ENSURE_MEMBERSHIP = """
INSERT INTO memberships (organization_id, user_id) VALUES (%(organization_id)s, %(user_id)s)
ON CONFLICT (organization_id, user_id) DO NOTHING
"""
_ENSURE_ENVIRONMENT = """
INSERT INTO environments (organization_id, slug, name, cluster, policy)
VALUES (%(organization_id)s, %(slug)s, %(name)s, %(cluster)s, %(policy)s)
ON CONFLICT (organization_id, slug) DO UPDATE
    SET name = excluded.name, cluster = excluded.cluster, policy = excluded.policy
RETURNING *
"""


class Directory:
    """Reads organizations, users, memberships and environments, and seeds them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def organization(self, reference: str) -> Organization:
        """Raises `NotFound` if there is none."""
        with self._database.transaction() as transaction:
            return _organization(transaction, reference)

    def user(self, reference: str) -> User:
        """Raises `NotFound` if there is none."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_USER, id=as_id(reference), reference=reference)
        if row is None:
            raise NotFound(f"There is no user '{reference}'.")
        return rows.user(row)

    def is_member(self, organization_id: UUID, user_id: UUID) -> bool:
        with self._database.transaction() as transaction:
            row = transaction.one(_IS_MEMBER, organization_id=organization_id, user_id=user_id)
        return bool(row["is_member"])

    def environments(self, organization_id: UUID, references: Sequence[str]) -> list[Environment]:
        """The organization's environments of these ids or slugs, in this order.

        Raises `NotFound` that names every reference the organization has no environment for.
        """
        with self._database.transaction() as transaction:
            found = [
                transaction.maybe(
                    _ENVIRONMENT,
                    organization_id=organization_id,
                    id=as_id(reference),
                    reference=reference,
                )
                for reference in references
            ]
        unknown = [f"'{reference}'" for reference, row in zip(references, found, strict=True) if row is None]
        if unknown:
            raise NotFound(f"The organization has no environment {', '.join(unknown)}.")
        return [rows.environment(row) for row in found if row is not None]

    def list_environments(self, organization: str | None = None) -> list[Environment]:
        """All environments, or those of one organization, in the order they were made.

        Raises `NotFound` if there is no such organization.
        """
        with self._database.transaction() as transaction:
            of = _organization(transaction, organization).id if organization is not None else None
            return [rows.environment(row) for row in transaction.all(_ENVIRONMENTS, organization_id=of)]

    def ensure_organization(self, slug: str, name: str) -> Organization:
        with self._database.transaction() as transaction:
            return rows.organization(transaction.one(_ENSURE_ORGANIZATION, slug=slug, name=name))

    def ensure_user(self, username: str, name: str) -> User:
        with self._database.transaction() as transaction:
            return rows.user(transaction.one(_ENSURE_USER, username=username, name=name))

    def ensure_membership(self, organization_id: UUID, user_id: UUID) -> None:
        with self._database.transaction() as transaction:
            transaction.run(_ENSURE_MEMBERSHIP, organization_id=organization_id, user_id=user_id)

    def ensure_environment(
        self, organization_id: UUID, slug: str, name: str, cluster: str, policy: Policy | None = None
    ) -> Environment:
        """Raises `Conflict` if the cluster would change while projects live in the environment."""
        with self._database.transaction() as transaction:
            row = transaction.one(
                _ENSURE_ENVIRONMENT,
                organization_id=organization_id,
                slug=slug,
                name=name,
                cluster=cluster,
                policy=json(asdict(policy or Policy())),
            )
        return rows.environment(row)


def _organization(transaction: Transaction, reference: str) -> Organization:
    row = transaction.maybe(_ORGANIZATION, id=as_id(reference), reference=reference)
    if row is None:
        raise NotFound(f"There is no organization '{reference}'.")
    return rows.organization(row)
