"""The pure rules: names, protection, paging, visibility. No server."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gitlab.http.gateway import segmented
from sandbox.gitlab.http.identifiers import new_ulid
from sandbox.gitlab.rules import names, paging
from sandbox.gitlab.rules.access import code_readable, git_scope_allows, visible, wider
from sandbox.gitlab.rules.protection import (
    NO_DELETE,
    NO_DELETE_DEFAULT,
    NO_FORCE,
    NOT_ALLOWED,
    Protection,
    PushPolicy,
    RefChange,
    default_levels,
    refusal,
)

_OLD, _NEW = "a" * 40, "b" * 40
_MAIN = Protection("main", (40,), (40,), False)


@given(st.text(max_size=40))
def test_an_accepted_path_is_one_safe_segment(path: str) -> None:
    if names.project_path_problems(path):
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", path)
    assert ".." not in path
    assert not path.lower().endswith((".git", ".atom"))


@given(st.from_regex(r"[a-z0-9]{1,10}(-[a-z0-9]{1,10}){0,3}", fullmatch=True))
def test_plain_slugs_are_accepted_unless_reserved(path: str) -> None:
    assert bool(names.project_path_problems(path)) == (path in names.RESERVED_PROJECT_PATHS)


@given(st.text(max_size=40))
def test_a_derived_path_is_fine_or_refused_never_dangerous(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9_.-]*", names.slugify(name))


@pytest.mark.parametrize(
    ("level", "change", "text"),
    [
        (40, RefChange("refs/heads/main", _OLD, _NEW, False), None),
        (30, RefChange("refs/heads/main", _OLD, _NEW, False), NOT_ALLOWED),
        (50, RefChange("refs/heads/main", _OLD, _NEW, True), NO_FORCE),
        (30, RefChange("refs/heads/topic", _OLD, _NEW, True), None),
        (30, RefChange("refs/heads/topic", _OLD, None, False), None),
        (50, RefChange("refs/heads/main", _OLD, None, False), NO_DELETE_DEFAULT),
        (50, RefChange("refs/heads/release/1", _OLD, None, False), NO_DELETE),
        (50, RefChange("refs/heads/release/1", None, _NEW, False), NOT_ALLOWED),
        (20, RefChange("refs/heads/topic", None, _NEW, False), NOT_ALLOWED),
        (30, RefChange("refs/tags/main", None, _NEW, False), None),
    ],
)
def test_pushes(level: int, change: RefChange, text: str | None) -> None:
    policy = PushPolicy(level, "main", (_MAIN, Protection("release/*", (0,), (40,), False)))
    assert refusal(policy, change) == text


def test_the_most_permissive_protection_counts() -> None:
    policy = PushPolicy(30, "main", (_MAIN, Protection("ma*", (30,), (30,), True)))
    assert policy.may_push("main")
    assert refusal(policy, RefChange("refs/heads/main", _OLD, _NEW, True)) is None


@given(st.text(max_size=10), st.text(max_size=10))
def test_wildcards_mean_stars_only(start: str, end: str) -> None:
    if "*" in start + end:
        return
    protection = Protection(f"{start}*{end}", (40,), (40,), False)
    assert protection.covers(start + "x" + end) or "\n" in start + end
    assert Protection(start, (40,), (40,), False).covers(start)


@pytest.mark.parametrize(("setting", "push"), [(0, None), (1, 30), (2, 40), (3, 40), (4, 40), (9, 40)])
def test_default_protection(setting: int, push: int | None) -> None:
    levels = default_levels(setting)
    assert (levels[0] if levels else None) == push


@given(st.integers(1, 50), st.integers(1, 100), st.integers(0, 500))
def test_pages_cover_every_row_once(number: int, size: int, total: int) -> None:
    page = paging.Page(number, size)
    headers = paging.offset_headers(page, total, page.offset + size < total, "http://x/y", [("a", "1")])
    pages = int(headers["X-Total-Pages"])
    assert (pages - 1) * size <= total <= pages * size
    assert bool(headers["X-Next-Page"]) == (number < pages)
    assert ('rel="next"' in headers["Link"]) == bool(headers["X-Next-Page"])


@pytest.mark.parametrize(
    ("visibility", "signed_in", "external", "level", "seen", "code"),
    [
        ("public", False, False, 0, True, True),
        ("internal", False, False, 0, False, False),
        ("internal", True, False, 0, True, True),
        ("internal", True, True, 0, False, False),
        ("private", True, False, 0, False, False),
        ("private", True, False, 10, True, False),
        ("private", True, False, 20, True, True),
    ],
)
def test_visibility(
    visibility: str, signed_in: bool, external: bool, level: int, seen: bool, code: bool
) -> None:
    assert visible(visibility, signed_in, external, level) is seen
    assert code_readable(visibility, signed_in, external, level) is code


def test_small_rules() -> None:
    assert wider("public", "private")
    assert not wider("private", "private")
    assert git_scope_allows(frozenset({"read_repository"}), write=False)
    assert not git_scope_allows(frozenset({"read_repository"}), write=True)
    assert len({new_ulid() for _ in range(100)}) == 100
    assert len(new_ulid()) == 26


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/api/v4/projects/a%2Fb/x", "/api/v4/projects/a%2Fb/x"),
        (b"/api/v4/projects/a%252Fb", "/api/v4/projects/a%252Fb"),
        (b"/api/v4/x/%C3%A4", "/api/v4/x/ä"),
        (b"/a/%2e%2e/b", "/a/../b"),
    ],
)
def test_encoded_slashes_stay_in_their_segment(raw: bytes, path: str) -> None:
    assert segmented(raw) == path
