"""From options and files to a request. Checked here by the same rules the run checks first."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from groundwork.errors import InvalidRequest, Problem
from groundwork.model.request import parse_request

_OPTIONS = {
    "name": "--name",
    "slug": "--slug",
    "user_id": "--user",
    "organization_id": "--organization",
    "repository": "--group",
    "repository.group_path": "--group",
    "repository.visibility": "--visibility",
    "repository.default_branch": "--default-branch",
    "repository.description": "--description",
    "repository.adopt": "--adopt",
    "repository.on_pending_deletion": "--on-pending-deletion",
    "template_id": "--template",
    "template_answers": "--answer",
    "environment_ids": "--environment",
    "on_failure": "--on-failure",
    "sync_deadline": "--sync-deadline",
    "project_id": "--project-id",
}


def checked(values: dict[str, Any]) -> dict[str, Any]:
    """The request as it is sent: plain JSON, defaults filled in.

    Raises `InvalidRequest`, which names the options beside the fields.
    """
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError) as error:
        rule = f"must hold plain JSON values ({error}): put dates and the like in quotes"
        raise InvalidRequest([Problem("request", rule)]) from error
    try:
        return parse_request(values).model_dump(mode="json", exclude_none=True)
    except InvalidRequest as error:
        raise InvalidRequest([_with_option(problem) for problem in error.problems]) from error


def merged(file: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """A request from a file with what the options give in its place; options left out are None or empty."""
    result = dict(file)
    for field, value in options.items():
        known = result.get(field)
        if isinstance(value, Mapping):
            given = {key: item for key, item in value.items() if item is not None}
            if given and (known is None or isinstance(known, Mapping)):
                result[field] = {**(known or {}), **given}
        elif value:
            result[field] = value
    return result


def answers(file: Path | None, pairs: Sequence[str]) -> dict[str, Any]:
    """Template answers from a file and from `key=value` pairs, whose values are YAML; the pairs win."""
    values = dict(mapping_file(file, "template_answers")) if file else {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key:
            raise _wrong("template_answers", f"'{pair}' must be key=value")
        values[key] = _yaml(text, f"template_answers.{key}")
    return values


def mapping_file(path: Path, field: str) -> dict[str, Any]:
    """The mapping in a YAML or JSON file; `-` is standard input. Raises `InvalidRequest` on `field`."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(field, f"{path} cannot be read: {error}") from error
    content = _yaml(text, field)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise _wrong(field, f"{path} must hold a mapping of names")
    return content


def _yaml(text: str, field: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        where = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _wrong(field, f"is not valid YAML: {where}") from error


def _with_option(problem: Problem) -> Problem:
    option = _OPTIONS.get(problem.field)
    return Problem(f"{problem.field} ({option})", problem.rule) if option else problem


def _wrong(field: str, rule: str) -> InvalidRequest:
    return InvalidRequest([Problem(field, rule)])
