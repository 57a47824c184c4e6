"""Requests about a project that exists: what they may hold, and what they mean when left out."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.errors import InvalidRequest
from groundwork.model.lifecycle import (
    AddEnvironmentsRequest,
    DecommissionRequest,
    RepositoryFate,
    RestoreRequest,
    RotateRequest,
)
from groundwork.model.request import parse
from groundwork.orchestration.params import params_of

NAMED = {"project_id": "billing-api", "user_id": "demo"}
MODELS = (DecommissionRequest, RestoreRequest, AddEnvironmentsRequest, RotateRequest)


def test_a_removal_loses_nothing_unless_it_is_told_to() -> None:
    request = parse(DecommissionRequest, NAMED)
    assert request.repository is RepositoryFate.ARCHIVE
    assert request.environment_ids == []
    chosen = request.model_dump()
    assert [name for name in chosen if name.startswith("delete_") and chosen[name]] == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"project_id": ""}, "project_id"),
        ({"project_id": "../etc"}, "project_id: must be an id or a slug"),
        ({"user_id": None}, "user_id"),
        ({"repository": "burn"}, "repository"),
        ({"environment_ids": ["a b"]}, "environment_ids.0"),
        ({"delete_permanently": True}, "delete_permanently: needs repository to be 'delete'"),
        ({"delete_foreign_commits": True, "repository": "keep"}, "delete_foreign_commits: needs repository"),
        ({"force": True}, "force"),
    ],
)
def test_a_broken_rule_names_its_field(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        parse(DecommissionRequest, NAMED | changes)


def test_environments_to_add_must_be_named() -> None:
    with pytest.raises(InvalidRequest, match="environment_ids"):
        parse(AddEnvironmentsRequest, NAMED | {"environment_ids": []})


@pytest.mark.parametrize("model", MODELS)
def test_the_form_tells_a_person_what_each_field_is(model: Any) -> None:
    params = params_of(model)
    assert set(params) == set(model.model_fields)
    for name, param in params.items():
        assert param.schema.get("title"), name
        assert param.description, name


@pytest.mark.parametrize("model", [DecommissionRequest, RestoreRequest])
def test_environments_may_be_left_out_in_the_form(model: Any) -> None:
    assert params_of(model)["environment_ids"].resolve() == []
