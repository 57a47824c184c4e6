"""The DAG's params: one per field of the request, in the terms of Airflow's form."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import ParamValidationError

from groundwork.model.request import ProjectRequest
from groundwork.orchestration.params import request_params


def test_there_is_a_param_for_every_field() -> None:
    assert set(request_params()) == set(ProjectRequest.model_fields)


def test_every_param_tells_a_person_what_it_is() -> None:
    for name, param in request_params().items():
        assert param.schema.get("title"), name
        assert param.description or param.schema.get("description_md"), name


def test_templates_are_offered_as_a_choice() -> None:
    assert request_params()["template_id"].schema["enum"] == ["scheduled-worker", "web-service"]


@pytest.mark.parametrize(
    "name", ["name", "slug", "user_id", "organization_id", "repository", "template_id", "environment_ids"]
)
def test_required_fields_have_no_value_of_their_own(name: str) -> None:
    with pytest.raises(ParamValidationError):
        request_params()[name].resolve()


def test_optional_fields_may_be_left_out() -> None:
    params = request_params()
    assert params["project_id"].resolve() is None
    assert params["template_answers"].resolve() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slug", "Not A Slug"),
        ("slug", "x" * 49),
        ("environment_ids", []),
        ("environment_ids", ["dev", "dev"]),
        ("environment_ids", "dev"),
        ("template_id", "no-such-template"),
        ("repository", {"visibility": "private"}),
        ("repository", {"group_path": "platform", "visibility": "secret"}),
        ("repository", {"group_path": "platform", "token": "x"}),
        ("project_id", 12),
        ("user_id", ""),
    ],
)
def test_the_schema_refuses_at_the_door(name: str, value: object) -> None:
    with pytest.raises(ParamValidationError):
        request_params()[name].resolve(value)
