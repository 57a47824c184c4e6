"""Topics: labels shared by projects."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field
from sqlalchemy import func, select

from sandbox.gitlab.errors import BadRequest, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_query
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import ProjectTopic, Topic

router = APIRouter(prefix="/topics")


class TopicFilters(ListParameters):
    """Which topics are wanted."""

    search: str | None = None


class TopicFields(Parameters):
    """What can be set on a topic."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    title: str | None = Field(default=None, min_length=1, max_length=255)
    description: str | None = None


@router.get("")
def list_topics(api: ApiRequest, filters: Annotated[TopicFilters, Params(TopicFilters)]) -> Response:
    """Topics, the most used first."""
    with api.read() as unit:
        uses = select(func.count()).where(ProjectTopic.topic_id == Topic.id).scalar_subquery()
        query = select(Topic).order_by(uses.desc(), Topic.id)
        if filters.search:
            query = query.where(Topic.name.like(f"%{filters.search}%"))
        return page_of_query(api, unit, filters, query, lambda row: _entity(unit, row))


@router.get("/{topic_id}")
def get_topic(api: ApiRequest, topic_id: int) -> Response:
    """One topic."""
    with api.read() as unit:
        return answer(_entity(unit, _row(unit, topic_id)))


@router.post("")
def create_topic(api: ApiRequest, body: Annotated[TopicFields, Params(TopicFields)]) -> Response:
    """Add a topic (administrators)."""
    with api.write() as unit:
        unit.require_admin()
        if body.name is None or body.title is None:
            missing = [field for field in ("name", "title") if getattr(body, field) is None]
            raise BadRequest(", ".join(f"{field} is missing" for field in missing))
        if unit.db.execute(select(Topic.id).where(Topic.name == body.name)).first():
            raise BadRequest({"name": ["has already been taken"]})
        row = Topic(name=body.name, title=body.title, description=body.description)
        unit.db.add(row)
        unit.db.flush()
        return answer(_entity(unit, row), 201)


@router.put("/{topic_id}")
def update_topic(
    api: ApiRequest, topic_id: int, body: Annotated[TopicFields, Params(TopicFields)]
) -> Response:
    """Change a topic (administrators)."""
    with api.write() as unit:
        unit.require_admin()
        row = _row(unit, topic_id)
        for field, value in body.given().items():
            setattr(row, field, value)
        return answer(_entity(unit, row))


@router.delete("/{topic_id}")
def delete_topic(api: ApiRequest, topic_id: int) -> Response:
    """Remove a topic from all projects (administrators)."""
    with api.write() as unit:
        unit.require_admin()
        unit.db.delete(_row(unit, topic_id))
    return no_content()


def _row(unit: Unit, topic_id: int) -> Topic:
    row = unit.db.get(Topic, topic_id)
    if row is None:
        raise NotFound("Topic")
    return row


def _entity(unit: Unit, row: Topic) -> dict[str, Any]:
    query = select(func.count()).where(ProjectTopic.topic_id == row.id)
    return {
        "id": row.id,
        "name": row.name,
        "title": row.title,
        "description": row.description,
        "total_projects_count": unit.db.execute(query).scalar_one(),
        "organization_id": 1,
        "avatar_url": None,
    }
