"""Lists: pages of queries and of plain lists, with GitLab's headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from fastapi import Response
from pydantic import BaseModel, Field
from sqlalchemy import Select, func, select

from sandbox.gitlab.errors import ApiError, NotAllowed
from sandbox.gitlab.http.params import Parameters
from sandbox.gitlab.http.requests import Api, answer
from sandbox.gitlab.rules import paging
from sandbox.gitlab.services.server import Unit

Row = TypeVar("Row")


class ListParameters(Parameters):
    """What every list takes."""

    page: int = Field(default=1)
    per_page: int = Field(default=20)
    pagination: str | None = None
    order_by: str | None = None
    sort: str | None = None
    id_after: int | None = None
    id_before: int | None = None

    @property
    def wanted(self) -> paging.Page:
        """The page asked for, sizes cut to what GitLab gives."""
        return paging.Page(max(1, self.page), min(max(1, self.per_page), paging.LARGEST_PAGE))


def page_of_rows(
    api: Api, parameters: ListParameters, rows: Sequence[Row], make: Callable[[Row], Any]
) -> Response:
    """A page of a list that is already in memory."""
    page = parameters.wanted
    part = rows[page.offset : page.offset + page.size]
    headers = _headers(api, page, len(rows))
    return answer([_plain(make(row)) for row in part], headers=headers)


def page_of_stream(
    api: Api, parameters: ListParameters, rows: Iterable[Row], make: Callable[[Row], Any]
) -> Response:
    """A page of a list whose length is not known (commits): no totals, as in GitLab."""
    page = parameters.wanted
    part = list(islice(rows, page.offset, page.offset + page.size + 1))
    headers = paging.offset_headers(page, paging.MOST_COUNTED + 1, len(part) > page.size, api.base, api.query)
    return answer([_plain(make(row)) for row in part[: page.size]], headers=headers)


def page_of_query(
    api: Api, unit: Unit, parameters: ListParameters, query: Select[Row], make: Callable[[Row], Any]
) -> Response:
    """A page of a database query."""
    page = parameters.wanted
    limits = api.server.limits.settings
    total = unit.db.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    rows = unit.db.execute(query.offset(page.offset).limit(page.size)).scalars().unique().all()
    shown = total if total <= limits.largest_counted_list else paging.MOST_COUNTED + 1
    more = page.offset + page.size < total
    headers = paging.offset_headers(page, shown, more, api.base, api.query)
    return answer([_plain(make(row)) for row in rows], headers=headers)


def keyset_page(
    api: Api,
    unit: Unit,
    parameters: ListParameters,
    query: Select[Row],
    identity: Any,
    make: Callable[[Row], Any],
) -> Response:
    """A page after a position; only ordering by id can do this."""
    if parameters.order_by not in (None, "id"):
        raise NotAllowed(
            "405 Method Not Allowed - Keyset pagination is not yet available for this type of request"
        )
    descending = (parameters.sort or "desc") == "desc"
    size = parameters.wanted.size
    query = query.order_by(None).order_by(identity.desc() if descending else identity.asc())
    rows = unit.db.execute(query.limit(size + 1)).scalars().unique().all()
    headers: dict[str, str] = {}
    if len(rows) > size:
        last = str(rows[size - 1].id)  # type: ignore[attr-defined]  # every table here has an id
        position = {"id_before" if descending else "id_after": last}
        headers = paging.keyset_link(api.base, api.query, position)
    return answer([_plain(make(row)) for row in rows[:size]], headers=headers)


def check_offset(api: Api, parameters: ListParameters, kind: str) -> None:
    """Refuse an offset beyond the cap, where keyset paging is the way on."""
    page = parameters.wanted
    if page.offset > api.server.limits.settings.largest_offset:
        raise ApiError(405, {"error": paging.offset_refusal(kind)})


def _headers(api: Api, page: paging.Page, total: int) -> dict[str, str]:
    return paging.offset_headers(page, total, page.offset + page.size < total, api.base, api.query)


def _plain(entity: Any) -> Any:
    return entity.model_dump() if isinstance(entity, BaseModel) else entity
