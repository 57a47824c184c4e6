"""Request parameters: GitLab takes them from the query, a JSON body or a form alike.

`Params(Model)` is the dependency that gathers, validates and refuses in Grape's error shape.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from starlette.convertors import Convertor, register_url_convertor

from sandbox.gitlab.errors import ApiError, InvalidParameters
from sandbox.gitlab.rules.wording import grape_text


class Parameters(BaseModel):
    """Base of every parameter model: unknown parameters are ignored, as GitLab does."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    def given(self) -> dict[str, Any]:
        """Only the parameters that were sent."""
        return self.model_dump(exclude_unset=True)


def _utc(value: datetime) -> datetime:
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


#: A moment or a day; without a zone it is UTC.
Instant = Annotated[datetime, AfterValidator(_utc)]


class SegmentConvertor(Convertor[str]):
    """A path segment that may carry an encoded `/`, such as `group%2Fproject`."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("segment", SegmentConvertor())


def Params(model: type[BaseModel]) -> Any:  # noqa: N802 - reads like FastAPI's own Depends/Query
    """The dependency that gives a validated `model` of the request's parameters."""

    async def gather(request: Request) -> BaseModel:
        values = _query_values(request)
        values |= await _body_values(request)
        values |= {key: value for key, value in request.path_params.items() if key in model.model_fields}
        try:
            return model.model_validate(values)
        except ValidationError as problem:
            raise InvalidParameters(grape_text(problem)) from None

    return Depends(gather)


def _query_values(request: Request) -> dict[str, Any]:
    return _collect(request.query_params.multi_items())


async def _body_values(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return _collect([(key, value) for key, value in (await request.form()).multi_items()])
    body = await request.body()
    if not body or kind not in ("application/json", ""):
        return {}
    try:
        values = json.loads(body)
        if b"\\ud" in body:
            json.dumps(values, ensure_ascii=False).encode()  # half a character can be escaped, but not stored
    except ValueError:
        raise ApiError(400, {"error": "The request body is not valid JSON"}) from None
    return values if isinstance(values, dict) else {}


def _collect(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Plain pairs; `name[]` gathers a list and `name[key]` a map, as Rails reads them."""
    values: dict[str, Any] = {}
    for key, value in items:
        if key.endswith("[]"):
            values.setdefault(key[:-2], []).append(value)
        elif key.endswith("]") and "[" in key:
            name, inner = key[:-1].split("[", 1)
            values.setdefault(name, {})[inner] = value
        else:
            values[key] = value
    return values
