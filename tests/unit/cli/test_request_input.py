"""Options and files become the request that is sent, or errors that name field and option."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.cli.request_input import answers, checked, mapping_file, merged
from groundwork.errors import InvalidRequest
from groundwork.model.request import parse_request

REQUEST = {
    "name": "Billing API",
    "slug": "billing-api",
    "user_id": "demo",
    "organization_id": "platform",
    "repository": {"group_path": "platform/backend"},
    "template_id": "web-service",
    "environment_ids": ["dev", "prod"],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def problems(error: pytest.ExceptionInfo[InvalidRequest]) -> dict[str, str]:
    return {problem.field: problem.rule for problem in error.value.problems}


def test_what_is_sent_carries_the_defaults_and_no_empty_project_id() -> None:
    sent = checked(REQUEST)

    assert sent["repository"] == {
        "group_path": "platform/backend",
        "visibility": "private",
        "default_branch": "main",
        "description": "",
        "adopt": False,
        "on_pending_deletion": "refuse",
    }
    assert sent["on_failure"] == "keep"
    assert sent["template_answers"] == {}
    assert "project_id" not in sent


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_is_sent_is_json_that_the_run_reads_as_the_same_request(
    template_answers: dict[str, Any],
) -> None:
    values = {**REQUEST, "template_answers": template_answers}

    received = json.loads(json.dumps(checked(values), allow_nan=False))

    assert parse_request(received) == parse_request(values)


def test_every_broken_rule_is_reported_with_its_field_and_option() -> None:
    with pytest.raises(InvalidRequest) as error:
        checked({**REQUEST, "slug": "Billing_API", "user_id": "", "environment_ids": []})

    assert set(problems(error)) == {
        "slug (--slug)",
        "user_id (--user)",
        "environment_ids (--environment)",
    }


@pytest.mark.parametrize(
    "slug",
    ["../../etc", "a b", "a;rm -rf /", "$(id)", "ünïcode", "-a", "a--b", "a" * 49, "wikis", "a\n", "{{ 1 }}"],
)
def test_hostile_slugs_are_refused_before_anything_is_sent(slug: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        checked({**REQUEST, "slug": slug})

    assert list(problems(error)) == ["slug (--slug)"]


def test_unknown_fields_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as error:
        checked({**REQUEST, "slugg": "x", "repository": {"group_path": "platform", "token": "x"}})

    assert set(problems(error)) == {"slugg", "repository.token"}


@pytest.mark.parametrize("text", ["2024-01-01", "!!set {a}", "!!binary aGk=", ".nan", ".inf"])
def test_answers_that_are_not_json_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        checked({**REQUEST, "template_answers": answers(None, [f"when={text}"])})

    assert "quotes" in problems(error)["request"]


def test_options_win_over_the_file_field_by_field() -> None:
    options = {
        "name": None,
        "slug": "other",
        "repository": {"group_path": None, "visibility": "internal"},
        "template_answers": {"replicas": 3},
        "environment_ids": None,
    }

    result = merged({**REQUEST, "template_answers": {"port": 9000, "replicas": 1}}, options)

    assert result["name"] == "Billing API"
    assert result["slug"] == "other"
    assert result["repository"] == {"group_path": "platform/backend", "visibility": "internal"}
    assert result["template_answers"] == {"port": 9000, "replicas": 3}
    assert result["environment_ids"] == ["dev", "prod"]


def test_a_field_of_the_wrong_type_in_the_file_is_reported_and_not_replaced() -> None:
    values = merged({**REQUEST, "repository": "platform"}, {"repository": {"visibility": "public"}})

    with pytest.raises(InvalidRequest) as error:
        checked(values)

    assert list(problems(error)) == ["repository (--group)"]


def test_answers_are_yaml_values_and_win_over_the_answers_file(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text("replicas: 1\nimage: nginx:1\n")

    found = answers(file, ["replicas=4", "ports=[443, 5432]", "note=a=b", "empty="])

    assert found == {"replicas": 4, "image": "nginx:1", "ports": [443, 5432], "note": "a=b", "empty": None}


@pytest.mark.parametrize("pair", ["replicas", "=4", ""])
def test_an_answer_without_name_or_value_is_refused(pair: str) -> None:
    with pytest.raises(InvalidRequest, match="key=value"):
        answers(None, [pair])


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "just text",
        "",
        "a: [",
        "1: number",
        "!!python/object/apply:os.system ['true']",
        "[" * 5000,
    ],
)
def test_a_file_that_is_no_mapping_of_names_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "request.yaml"
    file.write_text(text)

    with pytest.raises(InvalidRequest) as error:
        mapping_file(file, "request")

    assert list(problems(error)) == ["request"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "request.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidRequest, match=r"request\.yaml"):
        mapping_file(file, "request")
