"""The list of projects: found by beginnings of words, page by page, by indexes whatever is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from groundwork.errors import InvalidRequest
from groundwork.model.statuses import Status
from groundwork.records.connection import connect
from groundwork.records.listing import page_statement

from .world import World

MANY = 10_000
_FILL = """
INSERT INTO projects (organization_id, slug, name, requested_by, template_id, template_version, status,
                      reason, message, observed_at, revision, created_at)
SELECT %(organization)s, 'project-' || number, 'Service ' || md5(number::text), %(user)s,
       CASE WHEN number %% 3 = 0 THEN 'scheduled-worker' ELSE 'web-service' END, '1.0.0',
       CASE WHEN number %% 100 = 0 THEN 'failed' ELSE 'synced' END, 'Observed', 'seen', now(), 'abc',
       now() - make_interval(secs => %(many)s - number)
FROM generate_series(1, %(many)s) AS number
"""


@pytest.fixture
def crowd(world: World) -> World:
    """The world with many projects in it."""
    with connect(world.dsn) as connection:
        values = {"organization": world.organization.id, "user": world.user.id, "many": MANY}
        connection.execute(_FILL, values)
    with connect(world.dsn) as connection:
        connection.autocommit = True
        connection.execute("ANALYZE projects")
    return world


def scans(world: World, given: dict[str, object]) -> list[tuple[str, str]]:
    """How Postgres gets at the projects for a page: kind of scan, table or index."""
    with connect(world.dsn) as connection:
        statement = "EXPLAIN (FORMAT JSON) " + page_statement(given)
        row = connection.execute(statement, {"limit": 51, **given}).fetchone()  # type: ignore[call-overload]
    assert row is not None
    found: list[tuple[str, str]] = []

    def walk(node: dict[str, Any]) -> None:
        if "Scan" in node["Node Type"]:
            found.append((node["Node Type"], node.get("Index Name") or node.get("Relation Name") or ""))
        for child in node.get("Plans", ()):
            walk(child)

    plan = row["QUERY PLAN"]
    walk((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return found


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"status": "failed"},
        {"status": "synced"},
        {"template_id": "web-service"},
        {"organization_id": True},
        {"words": "4321:*"},
        {"words": "service:* & project:*", "status": "failed"},
        {"after": True},
    ],
    ids=str,
)
def test_every_page_is_found_by_an_index(crowd: World, asked: dict[str, object]) -> None:
    given = dict(asked)
    if "organization_id" in given:
        given["organization_id"] = crowd.organization.id
    if "after" in given:
        given["after"] = crowd.records.listing.page(limit=50)[-1].project.id
    used = scans(crowd, given)
    assert ("Seq Scan", "projects") not in used, used
    assert any("projects_" in name for _, name in used), used


def test_search_finds_beginnings_of_words_in_slug_and_name(world: World) -> None:
    for number, (slug, name) in enumerate(
        [("billing-api", "Money"), ("shop", "Bill of Goods"), ("bill2", "x"), ("handbill", "y")]
    ):
        world.records.operations.open(world.project(slug, name=name), world.run(f"run-{number}"))

    def found(search: str) -> set[str]:
        return {item.project.slug for item in world.records.listing.page(search=search)}

    assert found("bill") == {"billing-api", "shop", "bill2"}
    assert found("BILLING") == {"billing-api"}
    assert found("bill good") == {"shop"}
    assert found("api billing") == {"billing-api"}
    assert found("nothing") == set()
    assert found("' & | ! :* ( \\ -- %") == {"billing-api", "shop", "bill2", "handbill"}


def test_pages_follow_each_other_without_gap_or_repetition(crowd: World) -> None:
    seen: list[str] = []
    after = None
    for _ in range(5):
        page = crowd.records.listing.page(status=Status.FAILED, after=after, limit=7)
        seen += [item.project.slug for item in page]
        after = page[-1].project.id
    assert seen == [f"project-{number}" for number in range(MANY, 0, -100)][: len(seen)]
    assert len(seen) == 35


def test_a_line_tells_how_each_environment_stands(world: World) -> None:
    operation, [dev, _] = world.recorded()
    world.sync_repository(operation.project_id)
    world.sync_environment(dev)
    [line] = world.records.listing.page(organization="platform")
    assert [(item.slug, item.status) for item in line.environments] == [
        ("dev", Status.SYNCED),
        ("prod", Status.PENDING),
    ]
    assert (line.repository_path, line.organization_name) == ("platform/billing", "Platform")


def test_unknown_organizations_and_places_are_refused(world: World) -> None:
    with pytest.raises(InvalidRequest, match="organization"):
        world.records.listing.page(organization="nobody")
    with pytest.raises(InvalidRequest, match="after"):
        world.records.listing.page(after=world.user.id)


def test_a_slug_is_free_until_something_was_made(world: World) -> None:
    free = world.records.listing.slug_is_free
    assert free("billing")
    operation, _ = world.recorded()
    assert not free("billing", "platform")
    world.records.lease.release(operation.id)
    assert free("billing", "platform")
    assert not free("billing", "another")
    world.sync_repository(operation.project_id)
    assert not free("billing", "platform")
