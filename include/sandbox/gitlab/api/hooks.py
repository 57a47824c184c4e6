"""Webhooks of projects and groups."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.errors import ApiError, BadRequest, NotFound, Unprocessable
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.repos import reading
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.services import access
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.work_tables import Hook, HookDelivery
from sandbox.gitlab.webhooks import events

router = APIRouter()
Kind = Literal["projects", "groups"]
_PREFIX = "/{kind}/{ref:segment}/hooks"
_EVENTS = (
    "push_events tag_push_events merge_requests_events issues_events confidential_issues_events note_events"
    " confidential_note_events job_events pipeline_events wiki_page_events deployment_events"
    " feature_flag_events releases_events milestone_events emoji_events resource_access_token_events"
).split()

_SHOWN = (
    "id url name description created_at enable_ssl_verification disabled_until push_events_branch_filter"
).split()


class HookFields(Parameters):
    """What can be set on a hook; the `*_events` switches are taken too."""

    model_config = ConfigDict(extra="allow")

    url: str | None = None
    token: str | None = None
    name: str | None = None
    description: str | None = None
    push_events_branch_filter: str | None = None
    enable_ssl_verification: bool | None = None


class HookEntity(BaseModel):
    """A hook. The token is never shown, only whether there is one."""

    model_config = ConfigDict(extra="allow")

    id: int
    url: str
    name: str | None
    description: str | None
    created_at: Moment
    enable_ssl_verification: bool
    alert_status: str
    disabled_until: Moment | None
    url_variables: list[dict[str, str]] = []
    push_events_branch_filter: str | None
    branch_filter_strategy: str = "wildcard"
    custom_webhook_template: str | None = None
    custom_headers: list[dict[str, str]] = []
    repository_update_events: bool = False
    token_present: bool


@router.get(_PREFIX)
def list_hooks(
    api: ApiRequest, kind: Kind, ref: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """Hooks by id."""
    with api.read() as unit:
        source_type, source_id = _source(unit, kind, ref)
        query = (
            select(Hook).where(Hook.source_type == source_type, Hook.source_id == source_id).order_by(Hook.id)
        )
        return page_of_query(api, unit, page, query, _entity)


@router.get(_PREFIX + "/{hook_id}")
def get_hook(api: ApiRequest, kind: Kind, ref: str, hook_id: int) -> Response:
    """One hook."""
    with api.read() as unit:
        return answer(_entity(_row(unit, kind, ref, hook_id)))


@router.post(_PREFIX)
def create_hook(
    api: ApiRequest, kind: Kind, ref: str, body: Annotated[HookFields, Params(HookFields)]
) -> Response:
    """Add a hook. Several may have the same address."""
    if body.url is None:
        raise ApiError(400, {"error": "url is missing"})
    with api.write() as unit:
        source_type, source_id = _source(unit, kind, ref)
        row = Hook(source_type=source_type, source_id=source_id, url=body.url, events={"push_events": True})
        row.enable_ssl_verification = True
        row.failures = 0
        _change(unit, row, body)
        unit.db.add(row)
        unit.db.flush()
        return answer(_entity(row), 201)


@router.put(_PREFIX + "/{hook_id}")
def update_hook(
    api: ApiRequest, kind: Kind, ref: str, hook_id: int, body: Annotated[HookFields, Params(HookFields)]
) -> Response:
    """Change a hook."""
    with api.write() as unit:
        row = _row(unit, kind, ref, hook_id)
        _change(unit, row, body)
        return answer(_entity(row))


@router.delete(_PREFIX + "/{hook_id}")
def delete_hook(api: ApiRequest, kind: Kind, ref: str, hook_id: int) -> Response:
    """Remove a hook."""
    with api.write() as unit:
        unit.db.delete(_row(unit, kind, ref, hook_id))
    return no_content()


@router.get(_PREFIX + "/{hook_id}/events")
def list_deliveries(
    api: ApiRequest,
    kind: Kind,
    ref: str,
    hook_id: int,
    page: Annotated[ListParameters, Params(ListParameters)],
) -> Response:
    """What was sent and what came back, newest first."""
    with api.read() as unit:
        row = _row(unit, kind, ref, hook_id)
        query = select(HookDelivery).where(HookDelivery.hook_id == row.id).order_by(HookDelivery.id.desc())
        return page_of_query(api, unit, page, query, _delivery)


@router.post(_PREFIX + "/{hook_id}/test/{trigger}")
def test_hook(api: ApiRequest, kind: Kind, ref: str, hook_id: int, trigger: str) -> Response:
    """Send an example event now."""
    if trigger not in ("push_events", "tag_push_events"):
        raise BadRequest("trigger does not have a valid value")
    with api.read(frozenset({"api"})) as unit:
        row = _row(unit, kind, ref, hook_id)
        if kind != "projects":
            raise BadRequest("Only project hooks can be tested")
        project = access.find_project(unit, ref, Role.MAINTAINER)
        repo = api.server.storage.open(project.storage)
        head = reading.branch(repo, project.default_branch or "")
        if head is None:
            raise Unprocessable("Ensure the project has at least one commit.")
        change = AppliedChange(f"{reading.BRANCHES}{project.default_branch}", "0" * 40, str(head.id))
        payload = events.push_payload(unit, project, repo, unit.user, change)
        item = events.delivery(unit, row, trigger, "Push Hook", payload)
    outcome = api.server.deliveries.send(item)
    if outcome.failed:
        raise Unprocessable(outcome.body or outcome.status)
    return answer({"message": "201 Created"}, 201)


def _source(unit: Unit, kind: Kind, ref: str) -> tuple[str, int]:
    if kind == "projects":
        return "project", access.find_project(unit, ref, Role.MAINTAINER).id
    return "namespace", access.find_group(unit, ref, Role.OWNER).id


def _row(unit: Unit, kind: Kind, ref: str, hook_id: int) -> Hook:
    row = unit.db.get(Hook, hook_id)
    if row is None or (row.source_type, row.source_id) != _source(unit, kind, ref):
        raise NotFound()
    return row


def _change(unit: Unit, row: Hook, body: HookFields) -> None:
    given = body.given()
    if "url" in given:
        _check_url(unit, body.url or "")
    for field in HookFields.model_fields:
        if field in given and given[field] is not None:
            setattr(row, field, given[field])
    switches = {name: _truth(given[name]) for name in _EVENTS if name in given}
    row.events = {**row.events, **switches}
    if "url" in given:
        row.failures, row.disabled_until = 0, None


def _check_url(unit: Unit, url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host, parts = None, None
    if parts is None or parts.scheme not in ("http", "https") or not host:
        raise ApiError(422, {"error": "Invalid url given"})
    if not unit.server.limits.settings.local_hooks and _local(host):
        raise ApiError(422, {"error": "Invalid url given"})


def _local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _truth(value: Any) -> bool:
    return value in (True, "true", "1", 1)


def _entity(row: Hook) -> HookEntity:
    switches = {name: bool(row.events.get(name, False)) for name in _EVENTS}
    scope = {"project_id": row.source_id} if row.source_type == "project" else {"group_id": row.source_id}
    return HookEntity.model_validate(
        {
            **{name: getattr(row, name) for name in _SHOWN},
            **switches,
            **scope,
            "alert_status": events.alert_status(row),
            "token_present": bool(row.token),
        }
    )


def _delivery(row: HookDelivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "trigger": row.trigger,
        "request_headers": row.request_headers,
        "request_data": row.request_data,
        "response_headers": {},
        "response_body": row.response_body,
        "execution_duration": row.duration,
        "response_status": row.response_status,
    }
