"""The DAG's params, generated from the request model: Airflow checks and draws the trigger form from them.

Source: Airflow docs, "Params" (JSON schema draft 7, one param per top-level field of the request).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.sdk import Param
from pydantic import BaseModel

from groundwork.catalog import template_ids
from groundwork.model.request import ProjectRequest

# How Airflow's form asks for an object: as JSON, so a person needs to see one.
_REPOSITORY_HELP = """\
Settings of the GitLab repository, as JSON, for example

`{"group_path": "platform", "visibility": "private", "default_branch": "main", "description": ""}`

`group_path` is the full path of an existing GitLab group and is required; the others have these defaults."""


def request_params() -> dict[str, Param]:
    """One `Param` per field of `ProjectRequest`; fields without a default are required."""
    schema = request_schema()
    fields = _fields(schema)
    fields["template_id"]["enum"] = template_ids()
    # The form shows `description_md` only where there is no `description`.
    fields["repository"] = {**fields["repository"], "description_md": _REPOSITORY_HELP}
    del fields["repository"]["description"]
    return _params(fields, schema)


def params_of(model: type[BaseModel]) -> dict[str, Param]:
    """One `Param` per field of another request; fields without a default are required."""
    schema = model.model_json_schema()
    return _params(_fields(schema), schema)


@cache
def request_schema() -> dict[str, Any]:
    """The JSON schema of the request; computed once, for every task process parses the DAG."""
    return ProjectRequest.model_json_schema()


def _fields(schema: dict[str, Any]) -> dict[str, Any]:
    definitions = schema.get("$defs", {})
    return {name: _inlined(field, definitions) for name, field in schema["properties"].items()}


def _params(fields: dict[str, Any], schema: dict[str, Any]) -> dict[str, Param]:
    required = schema.get("required", ())
    return {name: _param(field, required=name in required) for name, field in fields.items()}


def _param(field: dict[str, Any], *, required: bool) -> Param:
    default = field.pop("default", None)
    if required:
        return Param(**field)
    return Param(default if default is not None else _empty(field), **field)


def _empty(field: dict[str, Any]) -> object:
    empty: dict[str, object] = {"object": {}, "array": []}
    return empty.get(field["type"]) if isinstance(field.get("type"), str) else None


def _inlined(field: Any, definitions: dict[str, Any]) -> Any:
    """The schema without references, and with `type` lists for `anyOf`, which the form does not know."""
    if isinstance(field, list):
        return [_inlined(item, definitions) for item in field]
    if not isinstance(field, dict):
        return field
    resolved = {**definitions[field["$ref"].rsplit("/", 1)[-1]], **field} if "$ref" in field else dict(field)
    resolved.pop("$ref", None)
    plain = {key: _inlined(value, definitions) for key, value in resolved.items()}
    options = plain.pop("anyOf", [])
    merged = {key: value for option in options for key, value in option.items() if key != "type"}
    types = {"type": [option["type"] for option in options]} if options else {}
    return {**plain, **merged, **types}
