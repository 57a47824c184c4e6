"""CI/CD variables of projects and groups."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from sandbox.gitlab.errors import BadRequest, Conflict, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.work_tables import Variable

router = APIRouter()
Kind = Literal["projects", "groups"]
_PREFIX = "/{kind}/{ref:segment}/variables"
_KEY = re.compile(r"[a-zA-Z0-9_]+")
_MASKABLE = re.compile(r"[a-zA-Z0-9_+=/@:.~-]{8,}")


class VariableFields(Parameters):
    """What can be set on a variable."""

    value: str | None = None
    variable_type: Literal["env_var", "file"] | None = None
    protected: bool | None = None
    masked: bool | None = None
    raw: bool | None = None
    environment_scope: str | None = None
    description: str | None = None
    filter: dict[str, str] = Field(default_factory=dict)


class VariableCreation(VariableFields):
    """A new variable."""

    key: str
    value: str
    masked_and_hidden: bool = False


class Scoped(Parameters):
    """Which of several variables of the same name."""

    filter: dict[str, str] = Field(default_factory=dict)


class VariableEntity(BaseModel):
    """A variable. A hidden one's value is never shown."""

    model_config = ConfigDict(from_attributes=True)

    variable_type: str
    key: str
    value: str | None
    hidden: bool
    protected: bool
    masked: bool
    raw: bool
    environment_scope: str
    description: str | None


@router.get(_PREFIX)
def list_variables(
    api: ApiRequest, kind: Kind, ref: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """Variables by age."""
    with api.read() as unit:
        return page_of_rows(api, page, _rows(unit, _source(unit, kind, ref)), _entity)


@router.get(_PREFIX + "/{key}")
def get_variable(
    api: ApiRequest, kind: Kind, ref: str, key: str, which: Annotated[Scoped, Params(Scoped)]
) -> Response:
    """One variable."""
    with api.read() as unit:
        return answer(_entity(_row(unit, _source(unit, kind, ref), key, which.filter)))


@router.post(_PREFIX)
def create_variable(
    api: ApiRequest, kind: Kind, ref: str, body: Annotated[VariableCreation, Params(VariableCreation)]
) -> Response:
    """Add a variable."""
    if not _KEY.fullmatch(body.key) or len(body.key) > 255:
        raise BadRequest({"key": ["can contain only letters, digits and '_'."]})
    with api.write() as unit:
        source_type, source_id = _source(unit, kind, ref)
        scope = body.environment_scope or "*"
        rows = _rows(unit, (source_type, source_id))
        if any(row.key == body.key and row.environment_scope == scope for row in rows):
            raise BadRequest({"key": [f"({body.key}) has already been taken"]})
        row = Variable(source_type=source_type, source_id=source_id, key=body.key, environment_scope=scope)
        row.variable_type, row.protected, row.raw = "env_var", False, False
        row.hidden, row.masked = body.masked_and_hidden, body.masked_and_hidden
        _change(row, body.given())
        unit.db.add(row)
        unit.db.flush()
        return answer(_entity(row), 201)


@router.put(_PREFIX + "/{key}")
def update_variable(
    api: ApiRequest, kind: Kind, ref: str, key: str, body: Annotated[VariableFields, Params(VariableFields)]
) -> Response:
    """Change a variable."""
    with api.write() as unit:
        row = _row(unit, _source(unit, kind, ref), key, body.filter)
        _change(row, body.given())
        unit.db.flush()
        return answer(_entity(row))


@router.delete(_PREFIX + "/{key}")
def delete_variable(
    api: ApiRequest, kind: Kind, ref: str, key: str, which: Annotated[Scoped, Params(Scoped)]
) -> Response:
    """Remove a variable."""
    with api.write() as unit:
        unit.db.delete(_row(unit, _source(unit, kind, ref), key, which.filter))
    return no_content()


def _source(unit: Unit, kind: Kind, ref: str) -> tuple[str, int]:
    if kind == "projects":
        return "project", access.find_project(unit, ref, Role.MAINTAINER).id
    return "namespace", access.find_group(unit, ref, Role.OWNER).id


def _rows(unit: Unit, source: tuple[str, int]) -> list[Variable]:
    query = select(Variable).where(Variable.source_type == source[0], Variable.source_id == source[1])
    return list(unit.db.execute(query.order_by(Variable.id)).scalars())


def _row(unit: Unit, source: tuple[str, int], key: str, which: dict[str, str]) -> Variable:
    scope = which.get("environment_scope")
    found = [row for row in _rows(unit, source) if row.key == key and scope in (None, row.environment_scope)]
    if not found:
        raise NotFound("Variable")
    if len(found) > 1:
        raise Conflict(
            "There are multiple variables with provided parameters. Please use 'filter[environment_scope]'"
        )
    return found[0]


def _change(row: Variable, given: dict[str, Any]) -> None:
    for field in ("value", "variable_type", "protected", "masked", "raw", "environment_scope", "description"):
        if given.get(field) is not None:
            setattr(row, field, given[field])
    if row.masked and not _MASKABLE.fullmatch(row.value):
        raise BadRequest({"value": ["is invalid"]})


def _entity(row: Variable) -> VariableEntity:
    entity = VariableEntity.model_validate(row)
    return entity.model_copy(update={"value": None}) if row.hidden else entity
