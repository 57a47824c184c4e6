"""Deploy tokens of projects and groups: read-only git credentials, the secret shown once."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import select

from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.errors import BadRequest, InvalidParameters, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Instant, Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import DEPLOY_TOKEN_SCOPES, Role
from sandbox.gitlab.services import access, secrets
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import DeployToken

router = APIRouter()
Kind = Literal["projects", "groups"]
_PREFIX = "/{kind}/{ref:segment}/deploy_tokens"


class DeployTokenCreation(Parameters):
    """A new deploy token."""

    name: str = Field(min_length=1)
    scopes: list[str]
    username: str | None = None
    expires_at: Instant | None = None


class DeployTokenFilters(ListParameters):
    """Which tokens are wanted."""

    active: bool | None = None


class DeployTokenEntity(BaseModel):
    """A deploy token without its secret."""

    id: int
    name: str
    username: str
    expires_at: Moment | None
    scopes: list[str]
    revoked: bool
    expired: bool


@router.get("/deploy_tokens")
def list_every_deploy_token(
    api: ApiRequest, filters: Annotated[DeployTokenFilters, Params(DeployTokenFilters)]
) -> Response:
    """All deploy tokens of the instance, for administrators."""
    with api.read() as unit:
        unit.require_admin()
        rows = list(unit.db.execute(select(DeployToken).order_by(DeployToken.id)).scalars())
        return page_of_rows(api, filters, _wanted(rows, filters), _entity)


@router.get(_PREFIX)
def list_deploy_tokens(
    api: ApiRequest, kind: Kind, ref: str, filters: Annotated[DeployTokenFilters, Params(DeployTokenFilters)]
) -> Response:
    """A project's or group's deploy tokens."""
    with api.read() as unit:
        return page_of_rows(api, filters, _wanted(_rows(unit, kind, ref), filters), _entity)


@router.post(_PREFIX)
def create_deploy_token(
    api: ApiRequest, kind: Kind, ref: str, body: Annotated[DeployTokenCreation, Params(DeployTokenCreation)]
) -> Response:
    """Make a deploy token. The secret is in this answer only."""
    unknown = [scope for scope in body.scopes if scope not in DEPLOY_TOKEN_SCOPES]
    if unknown:
        raise InvalidParameters("scopes does not have a valid value")
    if not body.scopes:
        raise BadRequest({"base": ["Scopes can't be blank"]})
    with api.write() as unit:
        source_type, source_id = _source(unit, kind, ref)
        secret = secrets.new_secret(secrets.DEPLOY)
        row = DeployToken(
            source_type=source_type,
            source_id=source_id,
            name=body.name,
            username=body.username or "",
            scopes=body.scopes,
            digest=secrets.digest(secret),
            expires_at=body.expires_at,
        )
        unit.db.add(row)
        unit.db.flush()
        row.username = body.username or f"gitlab+deploy-token-{row.id}"
        unit.db.flush()
        return answer(_entity(row).model_dump() | {"token": secret}, 201)


@router.get(_PREFIX + "/{token_id}")
def get_deploy_token(api: ApiRequest, kind: Kind, ref: str, token_id: int) -> Response:
    """One deploy token."""
    with api.read() as unit:
        return answer(_entity(_row(unit, kind, ref, token_id)))


@router.delete(_PREFIX + "/{token_id}")
def revoke_deploy_token(api: ApiRequest, kind: Kind, ref: str, token_id: int) -> Response:
    """End a deploy token."""
    with api.write() as unit:
        _row(unit, kind, ref, token_id).revoked = True
    return no_content()


def _source(unit: Unit, kind: Kind, ref: str) -> tuple[str, int]:
    if kind == "projects":
        return "project", access.find_project(unit, ref, Role.MAINTAINER).id
    return "namespace", access.find_group(unit, ref, Role.OWNER).id


def _rows(unit: Unit, kind: Kind, ref: str) -> list[DeployToken]:
    source_type, source_id = _source(unit, kind, ref)
    query = select(DeployToken).where(
        DeployToken.source_type == source_type, DeployToken.source_id == source_id
    )
    return list(
        unit.db.execute(query.where(DeployToken.revoked.is_(False)).order_by(DeployToken.id)).scalars()
    )


def _row(unit: Unit, kind: Kind, ref: str, token_id: int) -> DeployToken:
    found = next((row for row in _rows(unit, kind, ref) if row.id == token_id), None)
    if found is None:
        raise NotFound("Deploy Token")
    return found


def _wanted(rows: list[DeployToken], filters: DeployTokenFilters) -> list[DeployToken]:
    if filters.active is None:
        return rows
    return [row for row in rows if (not row.revoked and not _expired(row)) == filters.active]


def _expired(row: DeployToken) -> bool:
    return row.expires_at is not None and row.expires_at <= now()


def _entity(row: DeployToken) -> DeployTokenEntity:
    return DeployTokenEntity(
        id=row.id,
        name=row.name,
        username=row.username,
        expires_at=row.expires_at,
        scopes=row.scopes,
        revoked=row.revoked,
        expired=_expired(row),
    )
