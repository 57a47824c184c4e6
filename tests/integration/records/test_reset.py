"""Emptying the records: all or nothing, never somebody else's tables, and never without leaving word."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from groundwork.cli import app
from groundwork.errors import Conflict, Misconfigured, ProjectBusy
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records.connection import connect
from groundwork.records.migrate import VERSION_TABLE, migrate
from groundwork.records.reset import TABLES, reset, survey
from groundwork.settings import get_settings

from .world import World

Command = Callable[..., Result]


@pytest.fixture
def world_with_history(world: World) -> World:
    """Two projects: one that exists elsewhere, one of which nothing was made."""
    operation, (dev, _) = world.recorded("billing")
    world.sync_repository(operation.project_id)
    world.sync_environment(dev)
    with connect(world.dsn) as connection:
        connection.execute("UPDATE gitops_resources SET created_by_us = true WHERE kind = 'Namespace'")
    world.records.operations.close(operation.id, OperationStatus.SUCCEEDED)
    other, _ = world.recorded("shop", "run-2")
    world.records.operations.close(other.id, OperationStatus.FAILED, "Conflict", "taken")
    return world


def name_of(dsn: str) -> str:
    return dsn.rpartition("/")[2]


def rows(dsn: str) -> dict[str, int]:
    return survey(dsn).rows


def test_every_table_the_migrations_make_is_emptied(empty_dsn: str) -> None:
    migrate(empty_dsn)
    with connect(empty_dsn) as connection:
        made = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert {row["tablename"] for row in made} == {*TABLES, VERSION_TABLE}


def test_what_would_go_is_counted_and_orphans_are_named(world_with_history: World) -> None:
    found = survey(world_with_history.dsn)

    assert found.database == name_of(world_with_history.dsn)
    assert (found.rows["projects"], found.rows["operations"], found.rows["environments"]) == (2, 2, 2)
    assert found.repositories == ("platform/billing",)
    assert found.namespaces == ("cluster_a/project-billing-dev", "cluster_a/project-billing-prod")
    assert found.held == ()


def test_everything_goes_and_one_event_tells_who_did_it(world_with_history: World) -> None:
    before = rows(world_with_history.dsn)

    gone = reset(world_with_history.dsn, name_of(world_with_history.dsn), "ada")

    left = rows(world_with_history.dsn)
    with connect(world_with_history.dsn) as connection:
        [event] = connection.execute("SELECT * FROM audit_events").fetchall()
    assert gone.rows == before
    assert left == {**dict.fromkeys(TABLES, 0), "audit_events": 1}
    assert (event["id"], event["actor"], event["action"]) == (1, "ada", "database.reset")
    assert event["details"]["rows"] == before
    assert event["details"]["orphaned_repositories"] == 1


def test_the_trail_only_grows_afterwards_too(world_with_history: World) -> None:
    reset(world_with_history.dsn, name_of(world_with_history.dsn), "ada")

    for statement in ("TRUNCATE audit_events", "DELETE FROM audit_events"):
        with pytest.raises(Exception, match="only grows"), connect(world_with_history.dsn) as connection:
            connection.execute(statement)


def test_another_name_than_the_database_has_changes_nothing(world_with_history: World) -> None:
    before = rows(world_with_history.dsn)

    with pytest.raises(Conflict, match="not 'groundwork_live'"):
        reset(world_with_history.dsn, "groundwork_live", "ada")

    assert rows(world_with_history.dsn) == before


def test_while_an_operation_holds_a_project_nothing_goes(world_with_history: World) -> None:
    world_with_history.open("busy", "run-3")
    before = rows(world_with_history.dsn)

    with pytest.raises(ProjectBusy, match="busy"):
        reset(world_with_history.dsn, name_of(world_with_history.dsn), "ada")

    assert survey(world_with_history.dsn).held == ("busy (initialize_project run-3)",)
    assert rows(world_with_history.dsn) == before


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("dag_run", "Airflow"),
        ("ab_user", "Airflow"),
        ("alembic_version", "Airflow"),
        ("invoices", "more than"),
    ],
)
def test_a_database_that_holds_other_tables_is_left_alone(empty_dsn: str, table: str, told: str) -> None:
    migrate(empty_dsn)
    with connect(empty_dsn) as connection:
        connection.execute(f"CREATE TABLE {table} (id integer)")  # type: ignore[arg-type]

    for attempt in (lambda: survey(empty_dsn), lambda: reset(empty_dsn, name_of(empty_dsn), "ada")):
        with pytest.raises(Conflict, match=told):
            attempt()


def test_a_database_without_the_records_is_not_emptied(empty_dsn: str) -> None:
    with pytest.raises(Misconfigured, match="without Groundwork's tables"):
        reset(empty_dsn, name_of(empty_dsn), "ada")


def test_an_older_schema_is_not_emptied(empty_dsn: str) -> None:
    migrate(empty_dsn)
    with connect(empty_dsn) as connection:
        connection.execute("UPDATE groundwork_schema_version SET version_num = '0002'")

    with pytest.raises(Misconfigured, match="0002"):
        reset(empty_dsn, name_of(empty_dsn), "ada")


def test_a_failure_on_the_way_leaves_everything(world_with_history: World) -> None:
    """Postgres refuses one of the tables, after the audit trail's own refusal was switched off."""
    before = rows(world_with_history.dsn)
    with connect(world_with_history.dsn) as connection:
        connection.execute(
            "CREATE FUNCTION refuse_reset() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'restrict_violation'; END $$"
        )
        connection.execute(
            "CREATE TRIGGER refuse BEFORE TRUNCATE ON leases"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_reset()"
        )
    try:
        with pytest.raises(Exception, match="no"):
            reset(world_with_history.dsn, name_of(world_with_history.dsn), "ada")
        assert rows(world_with_history.dsn) == before
        with pytest.raises(Exception, match="only grows"), connect(world_with_history.dsn) as connection:
            connection.execute("TRUNCATE audit_events CASCADE")
    finally:
        with connect(world_with_history.dsn) as connection:
            connection.execute("DROP TRIGGER refuse ON leases; DROP FUNCTION refuse_reset")


def test_the_records_can_be_used_again_at_once(world_with_history: World) -> None:
    reset(world_with_history.dsn, name_of(world_with_history.dsn), "ada")

    again = World(world_with_history.dsn)
    operation, _ = again.recorded(f"p{uuid4().hex[:6]}")
    again.records.observations.repository_failed(operation.project_id, "Any", "thing")
    assert again.records.projects.get(operation.project_id).state.status is Status.FAILED
    again.records.close()


@pytest.fixture
def command(world_with_history: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """`groundwork reset-database` on the database of `world_with_history`."""
    monkeypatch.setenv("GROUNDWORK_DATABASE_URL", world_with_history.dsn)
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(app, ["reset-database", *arguments])
    get_settings.cache_clear()


def test_the_command_only_shows_what_would_go_until_it_is_told_the_name(
    command: Command, world_with_history: World
) -> None:
    before = rows(world_with_history.dsn)

    shown, as_json = command(), command("--json")

    assert (shown.exit_code, as_json.exit_code) == (2, 2)
    assert "1 repositories in GitLab would be orphans, and stay:\n  platform/billing" in shown.stdout
    assert f"--database {name_of(world_with_history.dsn)}" in shown.stderr
    assert json.loads(as_json.stdout)["orphans"]["repositories"] == ["platform/billing"]
    assert json.loads(as_json.stdout)["emptied"] is False
    assert rows(world_with_history.dsn) == before


def test_the_command_does_nothing_where_nobody_can_be_asked(
    command: Command, world_with_history: World
) -> None:
    before = rows(world_with_history.dsn)

    refused = command("--database", name_of(world_with_history.dsn))

    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert rows(world_with_history.dsn) == before


def test_the_command_refuses_another_name(command: Command, world_with_history: World) -> None:
    before = rows(world_with_history.dsn)

    refused = command("--database", "postgres", "--yes")

    assert refused.exit_code == 1
    assert refused.stderr.startswith("Conflict: ")
    assert rows(world_with_history.dsn) == before


def test_the_command_empties_what_it_was_told_to(command: Command, world_with_history: World) -> None:
    done = command("--database", name_of(world_with_history.dsn), "--yes", "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["emptied"] is True
    assert json.loads(done.stdout)["rows"]["projects"] == 2
    assert sum(rows(world_with_history.dsn).values()) == 1
