"""What a request may hold, and that every refusal names the field and the rule."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.errors import InvalidRequest
from groundwork.model import names
from groundwork.model.request import ProjectRequest, parse_request

GOOD: dict[str, Any] = {
    "name": "Billing API",
    "slug": "billing-api",
    "user_id": "demo",
    "organization_id": "platform",
    "repository": {"group_path": "platform/backend"},
    "template_id": "web-service",
    "environment_ids": ["dev", "prod"],
}

BAD: list[tuple[str, Any, str]] = [
    ("name", None, "valid string"),
    ("name", "", "at least 1 character"),
    ("name", "   ", "blank"),
    ("name", 7, "valid string"),
    ("name", "x" * 121, "at most 120"),
    ("name", "-dash first", "must start with"),
    ("name", "<script>alert(1)</script>", "must start with"),
    ("name", "a<b", "'<'"),
    ("name", "two\nlines", "'\\n'"),
    ("name", "{{ 7*7 }}", "must start with"),
    ("name", "nul\x00byte", "'\\x00'"),
    ("slug", None, "valid string"),
    ("slug", "", "at least 1 character"),
    ("slug", "Upper", "lower-case"),
    ("slug", "under_score", "lower-case"),
    ("slug", "two--hyphens", "single hyphens"),
    ("slug", "-first", "single hyphens"),
    ("slug", "last-", "single hyphens"),
    ("slug", "dot.git", "lower-case"),
    ("slug", "a/b", "lower-case"),
    ("slug", "../../etc/passwd", "lower-case"),
    ("slug", "$(reboot)", "lower-case"),
    ("slug", "a;rm -rf", "lower-case"),
    ("slug", "a\n", "lower-case"),
    ("slug", "ünïcode", "lower-case"),
    ("slug", "\u0430pple", "lower-case"),
    ("slug", "x" * 49, "at most 48"),
    ("slug", "tree", "reserves"),
    ("slug", "wikis", "reserves"),
    ("slug", ["a"], "valid string"),
    ("user_id", None, "valid string"),
    ("user_id", "", "at least 1 character"),
    ("user_id", "a b", "id or a slug"),
    ("user_id", "' OR 1=1 --", "id or a slug"),
    ("user_id", 1, "valid string"),
    ("user_id", "x" * 101, "at most 100"),
    ("organization_id", "", "at least 1 character"),
    ("organization_id", "../x", "id or a slug"),
    ("template_id", "", "at least 1 character"),
    ("template_id", "../../secrets", "id or a slug"),
    ("template_id", "web-service\x00", "id or a slug"),
    ("template_answers", [], "valid dictionary"),
    ("template_answers", "replicas=2", "valid dictionary"),
    ("environment_ids", [], "at least 1 item"),
    ("environment_ids", None, "valid list"),
    ("environment_ids", "dev", "valid list"),
    ("environment_ids", ["dev", "dev"], "each environment once"),
    ("environment_ids", [f"e{number}" for number in range(21)], "at most 20"),
    ("project_id", "not-an-id", "valid UUID"),
    ("project_id", 12, "UUID"),
    ("repository", None, "valid dictionary"),
    ("repository", "platform", "valid dictionary"),
]
BAD_INSIDE: list[tuple[str, Any, str]] = [
    ("repository.group_path", "", "at least 1 character"),
    ("repository.group_path", "/platform", "full path"),
    ("repository.group_path", "platform/", "full path"),
    ("repository.group_path", "platform//backend", "full path"),
    ("repository.group_path", "../platform", "full path"),
    ("repository.group_path", "a b", "full path"),
    ("repository.group_path", "platform.git", "'.git'"),
    ("repository.group_path", "x" * 256, "at most 255"),
    ("repository.visibility", "secret", "'private', 'internal' or 'public'"),
    ("repository.default_branch", "", "at least 1 character"),
    ("repository.default_branch", "-f", "letters and digits"),
    ("repository.default_branch", "--upload-pack=reboot", "letters and digits"),
    ("repository.default_branch", "a..b", "letters and digits"),
    ("repository.default_branch", "a/", "letters and digits"),
    ("repository.default_branch", "main.lock", "'.lock'"),
    ("repository.default_branch", "a" * 40, "commit id"),
    ("repository.default_branch", "refs/heads/x y", "letters and digits"),
    ("repository.description", "x" * 2001, "at most 2000"),
    ("repository.token", "glpat-secret", "Extra inputs"),
]


def with_value(path: str, value: Any) -> dict[str, Any]:
    request = json.loads(json.dumps(GOOD))
    *parents, last = path.split(".")
    place = request
    for parent in parents:
        place = place[parent]
    place[last] = value
    return request


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    BAD + BAD_INSIDE,
    ids=[f"{case[0]}={str(case[1])[:24]!r}" for case in BAD + BAD_INSIDE],
)
def test_refusal_names_the_field_and_the_rule(field: str, value: Any, rule: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(with_value(field, value))
    problem = refused.value.problems[0]
    assert problem.field == field
    assert rule in problem.rule


@pytest.mark.parametrize(
    "field", ["name", "slug", "user_id", "organization_id", "repository", "template_id", "environment_ids"]
)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request({key: value for key, value in GOOD.items() if key != field})
    assert [(problem.field, problem.rule) for problem in refused.value.problems] == [
        (field, "Field required")
    ]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="replicas"):
        parse_request({**GOOD, "replicas": 3})


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request({**GOOD, "slug": "Bad", "user_id": "", "environment_ids": []})
    assert {problem.field for problem in refused.value.problems} == {"slug", "user_id", "environment_ids"}


def test_a_good_request_survives_storing() -> None:
    request = parse_request(GOOD)
    assert ProjectRequest.model_validate(request.model_dump(mode="json")) == request


@pytest.mark.parametrize("name", ["Über 9000", "Café ☕", "日本語", "_private", "v1.2+beta", "🚀 rocket"])
def test_names_gitlab_allows(name: str) -> None:
    assert parse_request({**GOOD, "name": name}).name == name


@given(st.text(max_size=60))
def test_an_accepted_slug_fits_gitlab_and_kubernetes(slug: str) -> None:
    if names.slug_problem(slug):
        return
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", slug)
    assert "--" not in slug
    assert len(slug) <= 63


@given(st.from_regex(names.SLUG_PATTERN, fullmatch=True), st.from_regex(names.SLUG_PATTERN, fullmatch=True))
def test_a_namespace_is_too_long_or_allowed(slug: str, environment: str) -> None:
    namespace = names.namespace_name("project", slug.strip(), environment.strip())
    allowed = len(namespace) <= 63 and re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", namespace)
    assert bool(allowed) == (names.namespace_problem(namespace) is None)
