"""The plain switches of projects and groups: checking what is given, keeping only what is known."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from sandbox.gitlab.errors import InvalidParameters
from sandbox.gitlab.rules.wording import grape_text


def given(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """The switches of `model` among the values, as the model reads them; raises `InvalidParameters`."""
    known = {key: value for key, value in values.items() if key in model.model_fields}
    try:
        return model.model_validate(known).model_dump(include=set(known))
    except ValidationError as problem:
        raise InvalidParameters(grape_text(problem)) from None
