"""Records are found by id or by slug, and whatever is not found is named."""

from __future__ import annotations

from uuid import uuid4

import pytest

from groundwork.errors import Conflict, InvalidRequest, NotFound, Rejected
from groundwork.model.entities import Policy
from groundwork.model.statuses import Status

from .world import World

HOSTILE = ["'; DROP TABLE users; --", "%s", "%(id)s", "../../etc", "Ünïcödé", "\u202e", "a" * 10_000, ""]


def test_users_and_organizations_go_by_id_or_name(world: World) -> None:
    directory = world.records.directory
    assert directory.organization("platform") == world.organization
    assert directory.organization(str(world.organization.id)) == world.organization
    assert directory.user("demo") == world.user
    assert directory.user(str(world.user.id).upper()) == world.user


def test_environments_come_in_the_order_asked_for(world: World) -> None:
    found = world.records.directory.environments(world.organization.id, ["prod", str(world.dev.id)])
    assert found == [world.prod, world.dev]


def test_unknown_references_are_all_named(world: World) -> None:
    directory = world.records.directory
    others = directory.ensure_organization("others", "Others")
    alien = directory.ensure_environment(others.id, "alien", "Alien", "cluster_a")
    with pytest.raises(NotFound, match=f"'nowhere', '{alien.id}'"):
        directory.environments(world.organization.id, ["nowhere", "dev", str(alien.id)])
    with pytest.raises(NotFound, match="user 'nobody'"):
        directory.user("nobody")
    with pytest.raises(NotFound, match=f"organization '{(unknown := uuid4())}'"):
        directory.organization(str(unknown))
    with pytest.raises(NotFound, match="organization 'nowhere'"):
        directory.list_environments("nowhere")


@pytest.mark.parametrize("reference", HOSTILE)
def test_hostile_references_are_just_not_found(world: World, reference: str) -> None:
    with pytest.raises(NotFound):
        world.records.directory.user(reference)
    with pytest.raises(NotFound):
        world.records.directory.environments(world.organization.id, [reference])
    assert world.records.projects.find(reference) is None
    assert world.records.projects.list(template_id=reference) == []
    assert world.records.directory.user("demo") == world.user


@pytest.mark.parametrize("reference", ["nul\0byte", "half \ud800 pair"])
def test_references_that_are_no_text_are_rejected(world: World, reference: str) -> None:
    with pytest.raises(Rejected, match="cannot store"):
        world.records.directory.user(reference)
    assert world.records.directory.user("demo") == world.user


@pytest.mark.parametrize("name", ["'; DROP TABLE projects; --", "Ünïcödé 😀", "%s %(name)s", "\\x00 \\'"])
def test_names_are_stored_as_they_are(world: World, name: str) -> None:
    spec = world.project(name=name, template_answers={"name": name, name: [name]})
    operation = world.records.operations.open(spec, world.run(request={"name": name}))
    project = world.records.projects.get(operation.project_id)
    assert (project.name, project.template_answers) == (name, {"name": name, name: [name]})
    assert world.records.operations.get(operation.id).request == {"name": name}


@pytest.mark.parametrize("name", ["nul\0byte", "half \ud800 pair"])
def test_what_is_no_text_is_rejected_and_nothing_written(world: World, name: str) -> None:
    for spec in (world.project(name=name), world.project(template_answers={"deep": [{"er": name}]})):
        with pytest.raises(Rejected, match="cannot store"):
            world.records.operations.open(spec, world.run())
    assert world.records.projects.list() == []


@pytest.mark.parametrize(
    "slug", ["", "UPPER", "a--b", "-a", "a b", "ä", "a\n", "98e6e88d-c189-40ae-a5d3-b39472663d2f", "a" * 64]
)
def test_bad_slugs_are_refused_by_field(world: World, slug: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.open(slug)
    assert [problem.field for problem in refused.value.problems] == ["slug"]


def test_membership_counts_per_organization(world: World) -> None:
    directory = world.records.directory
    others = directory.ensure_organization("others", "Others")
    assert directory.is_member(world.organization.id, world.user.id)
    assert not directory.is_member(others.id, world.user.id)
    assert not directory.is_member(uuid4(), uuid4())


def test_seeding_again_updates_in_place(world: World) -> None:
    directory = world.records.directory
    renamed = directory.ensure_organization("platform", "Renamed")
    assert (renamed.id, renamed.name) == (world.organization.id, "Renamed")
    directory.ensure_membership(world.organization.id, world.user.id)
    policy = Policy(sync_deadline=120.5, quota={"requests.cpu": "2"})
    changed = directory.ensure_environment(world.organization.id, "dev", "Dev", "cluster_b", policy)
    assert (changed.id, changed.cluster, changed.policy) == (world.dev.id, "cluster_b", policy)
    assert directory.list_environments("platform") == [changed, world.prod]
    assert directory.list_environments() == [changed, world.prod]


def test_an_environment_with_projects_stays_in_its_cluster(world: World) -> None:
    world.recorded()
    with pytest.raises(Conflict, match="cluster"):
        world.records.directory.ensure_environment(world.organization.id, "dev", "Dev", "cluster_b")
    world.records.directory.ensure_environment(world.organization.id, "dev", "Renamed", "cluster_a")


def test_projects_are_listed_newest_first_page_by_page(world: World) -> None:
    slugs = [f"project-{number}" for number in range(5)]
    for slug in slugs:
        world.open(slug, run_id=slug)
    projects = world.records.projects
    first = projects.list(limit=2)
    second = projects.list(limit=2, after=first[-1].id)
    third = projects.list(limit=2, after=second[-1].id)
    assert [project.slug for project in first + second + third] == slugs[::-1]
    assert projects.list(after=third[-1].id) == []


def test_projects_are_listed_by_organization_status_and_template(world: World) -> None:
    operation, _ = world.recorded("one", "run-1")
    world.open("two", run_id="run-2")
    world.records.operations.open(world.project("three", template_id="scheduled-worker"), world.run("run-3"))
    world.records.observations.repository_failed(operation.project_id, "Rejected", "no")
    projects = world.records.projects

    def slugs(**filters: object) -> list[str]:
        return [project.slug for project in projects.list(**filters)]

    assert slugs(status=Status.FAILED) == ["one"]
    assert slugs(template_id="scheduled-worker") == ["three"]
    assert slugs(organization="platform", status=Status.PENDING) == ["three", "two"]
    assert slugs(organization=str(world.organization.id)) == ["three", "two", "one"]
    assert slugs(organization="others") == []


def test_operations_are_listed_newest_first(world: World) -> None:
    first = world.open("one", run_id="run-1")
    second = world.open("two", run_id="run-2")
    assert [operation.id for operation in world.records.operations.list()] == [second.id, first.id]
    assert [operation.id for operation in world.records.operations.list(first.project_id)] == [first.id]
    assert len(world.records.operations.list(limit=1)) == 1
