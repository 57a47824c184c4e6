"""Environments of a project."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import select

from sandbox.gitlab.entities.base import stamp
from sandbox.gitlab.errors import BadRequest, Forbidden, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import Environment

router = APIRouter(prefix="/projects/{project_ref:segment}/environments")
Tier = Literal["production", "staging", "testing", "development", "other"]
_NAME = re.compile(r"[A-Za-z0-9_/${} .:-]+")


class EnvironmentFilters(ListParameters):
    """Which environments are wanted."""

    name: str | None = None
    search: str | None = None
    states: Literal["available", "stopping", "stopped"] | None = None


class EnvironmentFields(Parameters):
    """What can be set on an environment."""

    external_url: str | None = None
    description: str | None = None
    tier: Tier | None = None


class EnvironmentCreation(EnvironmentFields):
    """A new environment."""

    name: str = Field(min_length=1, max_length=255)


@router.get("")
def list_environments(
    api: ApiRequest, project_ref: str, filters: Annotated[EnvironmentFilters, Params(EnvironmentFilters)]
) -> Response:
    """A project's environments."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        query = select(Environment).where(Environment.project_id == project.id).order_by(Environment.id)
        if filters.name:
            query = query.where(Environment.name == filters.name)
        if filters.search:
            query = query.where(Environment.name.like(f"%{filters.search}%"))
        if filters.states:
            query = query.where(Environment.state == filters.states)
        return page_of_query(api, unit, filters, query, _entity)


@router.get("/{environment_id}")
def get_environment(api: ApiRequest, project_ref: str, environment_id: int) -> Response:
    """One environment."""
    with api.read() as unit:
        return answer(_entity(_row(unit, access.readable_project(unit, project_ref), environment_id)))


@router.post("")
def create_environment(
    api: ApiRequest, project_ref: str, body: Annotated[EnvironmentCreation, Params(EnvironmentCreation)]
) -> Response:
    """Add an environment."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.DEVELOPER)
        if not _NAME.fullmatch(body.name):
            raise BadRequest(
                {
                    "name": [
                        "can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', and spaces, "
                        "but it cannot start or end with '/'"
                    ]
                }
            )
        same = select(Environment.id).where(
            Environment.project_id == project.id, Environment.name == body.name
        )
        if unit.db.execute(same).first():
            raise BadRequest({"name": ["has already been taken"]})
        row = Environment(project_id=project.id, name=body.name, slug=_slug(body.name))
        row.tier = body.tier or _tier(body.name)
        row.state, row.created_at, row.updated_at = "available", now(), now()
        row.external_url, row.description = body.external_url, body.description
        unit.db.add(row)
        unit.db.flush()
        return answer(_entity(row), 201)


@router.put("/{environment_id}")
def update_environment(
    api: ApiRequest,
    project_ref: str,
    environment_id: int,
    body: Annotated[EnvironmentFields, Params(EnvironmentFields)],
) -> Response:
    """Change an environment."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.DEVELOPER), environment_id)
        for field, value in body.given().items():
            setattr(row, field, value)
        row.updated_at = now()
        return answer(_entity(row))


@router.post("/{environment_id}/stop")
def stop_environment(api: ApiRequest, project_ref: str, environment_id: int) -> Response:
    """Stop an environment: only a stopped one can be deleted."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.DEVELOPER), environment_id)
        row.state, row.updated_at = "stopped", now()
        return answer(_entity(row))


@router.delete("/{environment_id}")
def delete_environment(api: ApiRequest, project_ref: str, environment_id: int) -> Response:
    """Remove a stopped environment."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.DEVELOPER), environment_id)
        if row.state != "stopped":
            raise Forbidden
        unit.db.delete(row)
    return no_content()


def _row(unit: Unit, project: Project, environment_id: int) -> Environment:
    row = unit.db.get(Environment, environment_id)
    if row is None or row.project_id != project.id:
        raise NotFound("Environment")
    return row


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if slug == name and len(slug) <= 24:
        return slug
    return f"{slug[:17].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _tier(name: str) -> str:
    guesses = {
        "production": r"(prod|live)",
        "staging": r"(stag|model|pre|demo|non)",
        "testing": r"(test|tst|int|ac(ce|)pt|qa|qc|control|quality)",
        "development": r"(dev|review|trunk)",
    }
    found = (tier for tier, pattern in guesses.items() if re.search(pattern, name, re.IGNORECASE))
    return next(found, "other")


def _entity(row: Environment) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "external_url": row.external_url,
        "description": row.description,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
        "tier": row.tier,
        "state": row.state,
        "auto_stop_at": None,
        "auto_stop_setting": "always",
        "last_deployment": None,
    }
