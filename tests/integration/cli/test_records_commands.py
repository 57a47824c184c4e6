"""`migrate`, `seed`, `environments` and `status` on the records' real database; Airflow is not needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from groundwork.cli import app
from groundwork.model.entities import Kind, OperationKind
from groundwork.records import Records
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec
from groundwork.settings import get_settings


def groundwork(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def database(sandbox_postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The records' database, migrated and seeded by the command itself."""
    monkeypatch.setenv("GROUNDWORK_DATABASE_URL", sandbox_postgres.database_url)
    get_settings.cache_clear()
    assert groundwork("migrate").exit_code == 0
    assert groundwork("seed").exit_code == 0
    yield sandbox_postgres.database_url
    get_settings.cache_clear()


@pytest.fixture
def project(database: str) -> str:
    """The slug of a project that has been recorded and not begun."""
    slug = f"cli-{uuid4().hex[:8]}"
    with Records(database) as records:
        organization, user = records.directory.organization("platform"), records.directory.user("demo")
        (dev,) = records.directory.environments(organization.id, ["dev"])
        operation = records.operations.open(
            ProjectSpec(organization.id, slug, "Command Line", "web-service", "1.0.0"),
            RunSpec(OperationKind.INITIALIZE, "initialize_project", f"run-{slug}", user.id, 60),
        )
        namespace = f"project-{slug}-dev"
        records.resources.record(
            operation.id,
            operation.project_id,
            RepositorySpec(f"platform/{slug}", "private", "main"),
            [EnvironmentSpec(dev, namespace, [(Kind.NAMESPACE, namespace)])],
        )
        entry = records.ledger.begin(operation.id, "preflight", "", {})
        records.ledger.failed(entry.id, "PreflightFailed", "the [group] is missing")
    return slug


def test_migrating_and_seeding_again_changes_nothing() -> None:
    first = [groundwork(command, "--json").stdout for command in ("migrate", "seed")]
    again = [groundwork(command, "--json").stdout for command in ("migrate", "seed")]

    assert first == again
    assert json.loads(first[0])["revision"]
    assert [item["slug"] for item in json.loads(first[1])["environments"]] == ["dev", "staging", "prod"]


def test_environments_are_listed_with_their_organization() -> None:
    listed = json.loads(groundwork("environments", "--organization", "platform", "--json").stdout)

    assert [(item["slug"], item["organization"]) for item in listed] == [
        (slug, "platform") for slug in ("dev", "staging", "prod")
    ]


@pytest.mark.parametrize("reference", ["nobody", "'; DROP TABLE projects; --", "\x00", "ünïcode"])
@pytest.mark.parametrize("command", [["environments", "--organization"], ["status", "--organization"]])
def test_an_unknown_organization_is_an_error_and_not_an_empty_list(
    command: list[str], reference: str
) -> None:
    result = groundwork(*command, reference)

    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_a_project_is_listed(project: str) -> None:
    listed = json.loads(groundwork("status", "--limit", "1000", "--json").stdout)

    (found,) = [item for item in listed if item["slug"] == project]
    assert (found["organization"], found["template"], found["status"]) == (
        "platform",
        "web-service",
        "pending",
    )
    assert project in groundwork("status", "--limit", "1000").stdout


def test_a_project_is_shown_with_its_parts_and_what_was_last_done(project: str) -> None:
    shown = json.loads(groundwork("status", project, "--json").stdout)

    (environment,) = shown["environments"]
    (operation,) = shown["operations"]
    (step,) = operation["steps"]
    assert shown["repository"]["path"] == f"platform/{project}"
    assert environment["namespace"] == f"project-{project}-dev"
    assert [item["kind"] for item in environment["resources"]] == ["Namespace"]
    assert operation["run_id"] == f"run-{project}"
    assert (step["step"], step["status"], step["reason"]) == ("preflight", "failed", "PreflightFailed")


def test_a_project_is_found_by_id_too_and_messages_are_no_markup(project: str) -> None:
    by_id = json.loads(groundwork("status", project, "--json").stdout)["id"]

    text = groundwork("status", by_id).stdout

    assert f"platform/{project}" in text
    assert "preflight" in text
    assert "PreflightFailed" in text


def test_an_unknown_project_is_an_error() -> None:
    result = groundwork("status", "no-such-project")

    assert result.exit_code == 1
    assert result.stderr.startswith("NotFound: ")
