"""Deploy keys. The server speaks HTTP only, so they can be managed but not used."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import select

from sandbox.gitlab.entities.base import stamp
from sandbox.gitlab.errors import BadRequest, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import DeployKey, DeployKeyProject

router = APIRouter(prefix="/projects/{project_ref:segment}/deploy_keys")
_KINDS = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


class DeployKeyCreation(Parameters):
    """A key and its use."""

    title: str = Field(min_length=1)
    key: str
    can_push: bool = False


class DeployKeyChange(Parameters):
    """A key's new title or right."""

    title: str | None = None
    can_push: bool | None = None


@router.get("")
def list_keys(
    api: ApiRequest, project_ref: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """A project's keys."""
    with api.read() as unit:
        project = access.find_project(unit, project_ref, Role.MAINTAINER)
        query = select(DeployKeyProject).where(DeployKeyProject.project_id == project.id)
        return page_of_query(api, unit, page, query.order_by(DeployKeyProject.id), _entity)


@router.get("/{key_id}")
def get_key(api: ApiRequest, project_ref: str, key_id: int) -> Response:
    """One key."""
    with api.read() as unit:
        return answer(_entity(_row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), key_id)))


@router.post("")
def create_key(
    api: ApiRequest, project_ref: str, body: Annotated[DeployKeyCreation, Params(DeployKeyCreation)]
) -> Response:
    """Add a key; the same key in another project is the same object."""
    key, blob = _parsed(body.key)
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.MAINTAINER)
        row = unit.db.execute(select(DeployKey).where(DeployKey.key == key)).scalar_one_or_none()
        if row is None:
            row = DeployKey(key=key, fingerprint=_md5(blob), fingerprint_sha256=_sha256(blob))
            unit.db.add(row)
            unit.db.flush()
        present = select(DeployKeyProject.id).where(
            DeployKeyProject.project_id == project.id, DeployKeyProject.deploy_key_id == row.id
        )
        if unit.db.execute(present).first():
            raise BadRequest({"deploy_key.fingerprint_sha256": ["has already been taken"]})
        use = DeployKeyProject(
            project_id=project.id, deploy_key_id=row.id, title=body.title, can_push=body.can_push
        )
        use.deploy_key = row
        unit.db.add(use)
        unit.db.flush()
        return answer(_entity(use), 201)


@router.put("/{key_id}")
def update_key(
    api: ApiRequest, project_ref: str, key_id: int, body: Annotated[DeployKeyChange, Params(DeployKeyChange)]
) -> Response:
    """Change a key's title or right."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), key_id)
        for field, value in body.given().items():
            setattr(row, field, value)
        return answer(_entity(row))


@router.post("/{key_id}/enable")
def enable_key(api: ApiRequest, project_ref: str, key_id: int) -> Response:
    """Use a key of another project here too."""
    with api.write() as unit:
        project = access.find_project(unit, project_ref, Role.MAINTAINER)
        key = unit.db.get(DeployKey, key_id)
        other = unit.db.execute(
            select(DeployKeyProject).where(DeployKeyProject.deploy_key_id == key_id)
        ).scalars()
        first = other.first()
        if key is None or first is None:
            raise NotFound("Deploy Key")
        use = DeployKeyProject(project_id=project.id, deploy_key_id=key.id, title=first.title, can_push=False)
        use.deploy_key = key
        unit.db.add(use)
        unit.db.flush()
        return answer(_entity(use), 201)


@router.delete("/{key_id}")
def delete_key(api: ApiRequest, project_ref: str, key_id: int) -> Response:
    """Take a key away; it ends with its last use."""
    with api.write() as unit:
        row = _row(unit, access.find_project(unit, project_ref, Role.MAINTAINER), key_id)
        unit.db.delete(row)
        unit.db.flush()
        if not unit.db.execute(
            select(DeployKeyProject.id).where(DeployKeyProject.deploy_key_id == key_id)
        ).first():
            key = unit.db.get(DeployKey, key_id)
            unit.db.delete(key)
    return no_content()


def _row(unit: Unit, project: Project, key_id: int) -> DeployKeyProject:
    query = select(DeployKeyProject).where(
        DeployKeyProject.project_id == project.id, DeployKeyProject.deploy_key_id == key_id
    )
    row = unit.db.execute(query).scalar_one_or_none()
    if row is None:
        raise NotFound("Deploy Key")
    return row


def _parsed(text: str) -> tuple[str, bytes]:
    parts = text.split()
    try:
        if len(parts) < 2 or parts[0] not in _KINDS:
            raise ValueError
        blob = base64.b64decode(parts[1], validate=True)
    except (ValueError, binascii.Error):
        raise BadRequest({"deploy_key.key": ["is invalid"]}) from None
    if parts[0].encode() not in blob[:40]:
        raise BadRequest({"deploy_key.key": ["is invalid"]})
    return f"{parts[0]} {parts[1]}", blob


def _md5(blob: bytes) -> str:
    text = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(text[start : start + 2] for start in range(0, len(text), 2))


def _sha256(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _entity(row: DeployKeyProject) -> dict[str, Any]:
    key = row.deploy_key
    return {
        "id": key.id,
        "title": row.title,
        "created_at": stamp(key.created_at),
        "expires_at": None,
        "key": key.key,
        "usage_type": "auth",
        "fingerprint": key.fingerprint,
        "fingerprint_sha256": key.fingerprint_sha256,
        "can_push": row.can_push,
    }
