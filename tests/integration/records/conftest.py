"""A real Postgres of its own, and for every test a freshly migrated database with an organization in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from psycopg import sql
from rich.console import Console

from groundwork.records.connection import connect
from groundwork.records.migrate import migrate
from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

from .world import TABLES, World

_numbers = count(1)


class Server:
    """The sandbox's Postgres alone, in a sandbox of its own, so that it may be stopped and started."""

    def __init__(self, home: Path) -> None:
        settings = Settings(
            sandbox_dir=home, gitlab_url=None, gitlab_token=None, kubeconfig=None, database_url=None
        )
        self._sandbox = Sandbox(settings, Console(quiet=True))
        self._sandbox.up(["postgres"], until_exit_of=os.getpid())

    def url(self, database: str = "postgres") -> str:
        """Address of a database as the server's superuser."""
        return self._sandbox.parts.postgres.url("postgres").rpartition("/")[0] + f"/{database}"

    def stop(self) -> None:
        self._sandbox.stop("postgres")

    def start(self) -> None:
        self._sandbox.start("postgres")

    def destroy(self) -> None:
        self._sandbox.destroy()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="groundwork-records-") as home:
        started = Server(Path(home) / "sandbox")
        yield started
        started.destroy()


@pytest.fixture(scope="session")
def template(server: Server) -> str:
    _create_database(server, "CREATE DATABASE migrated")
    migrate(server.url("migrated"))
    return "migrated"


@pytest.fixture(scope="module")
def module_dsn(server: Server, template: str) -> str:
    """Address of a migrated database for one module."""
    name = f"test_{next(_numbers)}"
    _create_database(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url(name)


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
def empty_dsn(server: Server) -> str:
    """Address of a database without tables."""
    name = f"test_{next(_numbers)}"
    _create_database(server, f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def world(dsn: str) -> Iterator[World]:
    made = World(dsn)
    yield made
    made.records.close()


def _create_database(server: Server, statement: str) -> None:
    with connect(server.url()) as connection:
        connection.autocommit = True
        connection.execute(statement)
