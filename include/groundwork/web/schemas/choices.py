"""What a request may choose from: organizations, people, environments, templates; and checks of a value."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from groundwork.catalog import Template, answers_schema
from groundwork.model import entities
from groundwork.records.people import Membership


class Organization(BaseModel):
    id: UUID
    slug: str
    name: str

    @classmethod
    def of(cls, entity: entities.Organization) -> Self:
        return cls(id=entity.id, slug=entity.slug, name=entity.name)


class User(BaseModel):
    id: UUID
    username: str
    name: str

    @classmethod
    def of(cls, entity: entities.User) -> Self:
        return cls(id=entity.id, username=entity.username, name=entity.name)


class Environment(BaseModel):
    """A named target of an organization."""

    id: UUID
    slug: str
    name: str
    cluster: str = Field(description="Id of an Airflow connection.")

    @classmethod
    def of(cls, entity: entities.Environment) -> Self:
        return cls(id=entity.id, slug=entity.slug, name=entity.name, cluster=entity.cluster)


class OrganizationChoice(Organization):
    """An organization with what a request in it may name."""

    environments: list[Environment]
    members: list[User]

    @classmethod
    def of_membership(cls, found: Membership) -> Self:
        return cls(
            **Organization.of(found.organization).model_dump(),
            environments=[Environment.of(item) for item in found.environments],
            members=[User.of(item) for item in found.members],
        )


class TemplateChoice(BaseModel):
    """A template of the catalog; `answers_schema` is the JSON schema (2020-12) of `template_answers`."""

    id: str
    version: str
    title: str
    description: str
    answers_schema: dict[str, Any]

    @classmethod
    def of(cls, template: Template) -> Self:
        return cls(
            id=template.id,
            version=template.version,
            title=template.title,
            description=template.description,
            answers_schema=answers_schema(template),
        )


class Check(BaseModel):
    """Whether a value can be used; `rule` is the rule it breaks."""

    ok: bool
    rule: str | None = None
