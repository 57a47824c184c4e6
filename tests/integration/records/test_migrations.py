"""The schema is made once, whoever asks for it and however often."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg import sql

from groundwork.errors import Misconfigured
from groundwork.model.entities import Kind, OperationKind
from groundwork.model.request import Visibility
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records import Records
from groundwork.records.connection import connect
from groundwork.records.migrate import current_revision, migrate

from .world import TABLES


def test_makes_every_table_reachable_by_its_plain_name(dsn: str) -> None:
    with connect(dsn) as connection:
        for table in TABLES:
            query = sql.SQL("SELECT count(*) AS rows FROM {}").format(sql.Identifier(table))
            assert connection.execute(query).fetchone() == {"rows": 0}
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {row["tablename"] for row in found} == {*TABLES, "groundwork_schema_version"}


def test_again_changes_nothing(empty_dsn: str) -> None:
    assert current_revision(empty_dsn) is None
    migrate(empty_dsn)
    with Records(empty_dsn) as records:
        organization = records.directory.ensure_organization("platform", "Platform")
        revision = current_revision(empty_dsn)
        migrate(empty_dsn)
        assert records.directory.organization("platform") == organization
    assert revision is not None
    assert current_revision(empty_dsn) == revision


def test_several_processes_at_once_end_as_one(empty_dsn: str) -> None:
    script = "import sys; from groundwork.records.migrate import migrate; migrate(sys.argv[1])"
    command = [sys.executable, "-W", "error", "-c", script, empty_dsn]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outcomes = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    assert outcomes == [("", 0)] * 3
    assert current_revision(empty_dsn) is not None


def test_several_threads_at_once_end_as_one(empty_dsn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for migration in [pool.submit(migrate, empty_dsn) for _ in range(4)]:
            migration.result(timeout=60)
    assert current_revision(empty_dsn) is not None


def test_without_tables_the_error_says_to_migrate(empty_dsn: str) -> None:
    with Records(empty_dsn) as records, pytest.raises(Misconfigured, match="migrate"):
        records.directory.list_environments()


@pytest.mark.parametrize(
    ("constraint", "known"),
    [
        ("resource_status_known", Status),
        ("gitops_resources_kind_known", Kind),
        ("operations_kind_known", OperationKind),
        ("operations_status_known", OperationStatus),
        ("operation_steps_status_known", OperationStatus),
        ("repositories_visibility_known", Visibility),
    ],
)
def test_the_schema_knows_the_words_of_the_model(dsn: str, constraint: str, known: Iterable[str]) -> None:
    with connect(dsn) as connection:
        row = connection.execute(
            "SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint WHERE conname = %s", [constraint]
        ).fetchone()
    assert row is not None
    assert set(re.findall(r"'([^']+)'::text", row["rule"])) == {str(word) for word in known}
