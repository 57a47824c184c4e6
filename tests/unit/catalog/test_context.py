"""The project a repository is rendered for, and the marker that names it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.catalog import RenderContext, marked_project
from groundwork.catalog.marker import marker_text
from groundwork.errors import InvalidRequest

GOOD: dict[str, Any] = {
    "project_id": UUID(int=7),
    "slug": "billing",
    "name": "Billing 😀",
    "organization": "platform",
    "repository": "http://127.0.0.1:8080/platform/billing.git",
    "default_branch": "main",
    "namespaces": {"dev": "project-billing-dev"},
}


def test_templates_see_the_project() -> None:
    context = RenderContext(**GOOD)
    assert context.environments == ["dev"]
    assert context.variables() == {
        "id": "00000000-0000-0000-0000-000000000007",
        "slug": "billing",
        "name": "Billing 😀",
        "organization": "platform",
        "repository": "http://127.0.0.1:8080/platform/billing.git",
        "default_branch": "main",
        "environments": [{"name": "dev", "namespace": "project-billing-dev"}],
    }


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("slug", "../x", "slug"),
        ("name", "a\nb", "name"),
        ("organization", "a b", "organization_id"),
        ("repository", "https://user:secret@git.example.com/a.git", "repository.url"),
        ("repository", "https://token@git.example.com/a.git", "repository.url"),
        ("repository", "https://git.example.com/a.git?private_token=x", "repository.url"),
        ("repository", "file:///etc/passwd", "repository.url"),
        ("repository", "https://git.example.com/a\nb", "repository.url"),
        ("default_branch", "-x", "repository.default_branch"),
        ("namespaces", {}, "environment_ids"),
        ("namespaces", {"../dev": "ns"}, "environment_ids"),
        ("namespaces", {"": "ns"}, "environment_ids"),
        ("namespaces", {"dev": "a_b"}, "environment_ids"),
        ("namespaces", {"dev": "a" * 64}, "environment_ids"),
    ],
)
def test_values_without_a_place_in_files_or_paths_are_refused(name: str, value: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        RenderContext(**{**GOOD, name: value})
    assert [problem.field for problem in caught.value.problems] == [field]
    assert "secret" not in caught.value.message


def test_the_marker_names_its_project() -> None:
    text = marker_text(UUID(int=7), "123", "web-service", "1.0.0")
    assert marked_project(text) == UUID(int=7)
    assert "slug: '123'" in text


@given(
    st.text() | st.sampled_from(["project: 1", "project: {id: [1]}", "- a", "project: {id: x}", "a: [", ""])
)
def test_anything_else_is_no_marker(text: str) -> None:
    assert marked_project(text) is None
