"""Brings the records' schema to the newest revision.

With `migrations/` the only place that imports Alembic and SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from groundwork.records.connection import driver_connection, translated_errors

# Not Alembic's default name, which Airflow's own tables use.
VERSION_TABLE = "groundwork_schema_version"
# Alembic keeps the run's context in module globals, so threads of one process must take turns.
_one_at_a_time = Lock()


def migrate(dsn: str) -> None:
    """Creates or upgrades all tables; does nothing if they are current. Safe to run twice at once.

    Raises `Unavailable` or `Misconfigured` if the server cannot be used. A revision that fails leaves the
    schema as it was.
    """
    config = _config()
    with _one_at_a_time, translated_errors(dsn), _driver_errors(), _engine(dsn).connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")


def current_revision(dsn: str) -> str | None:
    """The revision the schema is at, or None before the first migration. Raises as `migrate` does."""
    with translated_errors(dsn), _driver_errors(), _engine(dsn).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


def newest_revision() -> str | None:
    """The revision `migrate` brings the schema to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "groundwork.records:migrations")
    return config


@contextmanager
def _driver_errors() -> Iterator[None]:
    """Takes SQLAlchemy's wrapping off, so that errors here mean what they mean everywhere."""
    try:
        yield
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from None


def _engine(dsn: str) -> Engine:
    return create_engine("postgresql+psycopg://", creator=lambda: driver_connection(dsn), poolclass=NullPool)
