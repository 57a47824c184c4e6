"""The first organization, user and environments, so that a new installation can be used at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from groundwork.model.entities import Environment, Organization, Policy, User
from groundwork.records import Records


@dataclass(frozen=True)
class Seed:
    """What to make sure exists. `cluster` is the Airflow connection the environments use."""

    cluster: str
    organization: tuple[str, str] = ("platform", "Platform")
    user: tuple[str, str] = ("demo", "Demo User")
    environments: tuple[tuple[str, str], ...] = field(
        default=(("dev", "Development"), ("staging", "Staging"), ("prod", "Production"))
    )


@dataclass(frozen=True)
class Seeded:
    """What is there now."""

    organization: Organization
    user: User
    environments: list[Environment]


def seed(records: Records, wanted: Seed) -> Seeded:
    """Make sure of organization, member and environments; what is there already stays."""
    directory = records.directory
    organization = directory.ensure_organization(*wanted.organization)
    user = directory.ensure_user(*wanted.user)
    directory.ensure_membership(organization.id, user.id)
    environments = [
        directory.ensure_environment(organization.id, slug, name, wanted.cluster, Policy())
        for slug, name in wanted.environments
    ]
    return Seeded(organization, user, environments)
