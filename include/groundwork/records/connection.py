"""The one place that talks to Postgres: connections, short transactions, and what its errors mean.

The only module that imports psycopg. Rows are dicts. Nothing here puts a password into a message.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, RowFactory, TupleRow, dict_row, tuple_row
from psycopg.types.json import Jsonb

from groundwork import errors
from groundwork.records.constraints import refusal

Row = DictRow
Connection = psycopg.Connection[DictRow]
_AnyRow = TypeVar("_AnyRow", DictRow, TupleRow)

_CONNECT_SECONDS = 10
# Set per transaction and not when connecting, which poolers such as PgBouncer refuse or share. The second one
# keeps a frozen process from holding its locks for ever.
_SETTINGS = """
SELECT set_config('statement_timeout', '30s', %(local)s),
       set_config('idle_in_transaction_session_timeout', '60s', %(local)s),
       set_config('timezone', 'UTC', %(local)s)
"""
# libpq gives failed logins no SQLSTATE; these are the ones that time does not heal.
_LASTING_LOGIN_FAILURES = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
)


class Transaction:
    """Runs the statements of one transaction; parameters are named, `%(name)s`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, sql: LiteralString, **parameters: Any) -> list[Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def maybe(self, sql: LiteralString, **parameters: Any) -> Row | None:
        return self._connection.execute(sql, parameters).fetchone()

    def one(self, sql: LiteralString, **parameters: Any) -> Row:
        """For a statement that returns a row whatever the data."""
        row = self.maybe(sql, **parameters)
        if row is None:
            raise AssertionError(f"A statement that always returns a row returned none: {sql}")
        return row

    def run(self, sql: LiteralString, **parameters: Any) -> int:
        """Returns how many rows the statement touched."""
        return self._connection.execute(sql, parameters).rowcount


class Database:
    """One connection, opened when first needed, and again after it broke or in a forked process.

    Threads may share it; their transactions follow each other.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lock = Lock()
        self._connection: Connection | None = None
        self._process = 0
        self._inherited: list[Connection] = []

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        Raises `Unavailable` if the server cannot be reached or gave the transaction up, `Misconfigured` if
        it does not let us in or has no tables, and for a refused row what `constraints.refusal` says.
        Transactions of one process follow each other, so the block must be short and never open another.
        """
        with self._lock, translated_errors(self._dsn):
            connection = self._begun()
            try:
                yield Transaction(connection)
            except BaseException:
                _undo(connection)
                raise
            connection.commit()

    def close(self) -> None:
        """Closes the connection; the next transaction opens another."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
                self._connection = None

    def _begun(self) -> Connection:
        """A connection with a transaction just begun; nothing came before, so reconnecting loses nothing."""
        current = self._current()
        if current is not None:
            with suppress(psycopg.OperationalError):
                return _begin(current)
        return _begin(self._reopened())

    def _current(self) -> Connection | None:
        if self._connection is None or self._connection.closed:
            return None
        if self._process == os.getpid():
            return self._connection
        # A fork shares its parent's socket: neither use nor finalize it here.
        self._inherited.append(self._connection)
        return None

    def _reopened(self) -> Connection:
        self._connection = _opened(self._dsn, dict_row)
        self._process = os.getpid()
        return self._connection


@contextmanager
def connect(dsn: str) -> Iterator[Connection]:
    """A connection of its own with rows as dicts; commits at the end of the block, then closes."""
    with translated_errors(dsn), _opened(dsn, dict_row) as connection:
        connection.execute(_SETTINGS, {"local": False})
        connection.commit()
        yield connection


def driver_connection(dsn: str) -> psycopg.Connection[TupleRow]:
    """A bare connection without a statement timeout, for the migration library to own and close."""
    return _opened(dsn, tuple_row)


def json(value: dict[str, Any]) -> Jsonb:
    """`value` as the parameter of a jsonb column."""
    return Jsonb(value)


def json_list(value: list[Any]) -> Jsonb:
    """As `json`, for a list."""
    return Jsonb(value)


@contextmanager
def translated_errors(dsn: str) -> Iterator[None]:
    """Turns psycopg's errors into those of `groundwork.errors`; a fault in our SQL stays what it is."""
    try:
        yield
    except psycopg.IntegrityError as error:
        diagnosis = error.diag
        raise refusal(
            diagnosis.constraint_name, diagnosis.message_primary, diagnosis.message_detail
        ) from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise errors.Misconfigured(
            f"The records in {_place(dsn)} lack what this version needs ({_first_line(error)}): migrate them."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.Misconfigured(
            f"The role Groundwork uses in {_place(dsn)} lacks a right: {_first_line(error)}."
        ) from error
    except (psycopg.DataError, UnicodeEncodeError) as error:
        raise errors.Rejected(f"The records cannot store a value as text: {_first_line(error)}.") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        if error.sqlstate is None and any(failure in str(error) for failure in _LASTING_LOGIN_FAILURES):
            raise errors.Misconfigured(
                f"Postgres does not let Groundwork in to {_place(dsn)}: {_first_line(error)}."
            ) from error
        raise errors.Unavailable(
            f"The records in {_place(dsn)} did not answer as they should: {_first_line(error)}."
        ) from error


def _opened(dsn: str, rows: RowFactory[_AnyRow]) -> psycopg.Connection[_AnyRow]:
    given = _parts(dsn)
    return psycopg.connect(
        dsn,
        row_factory=rows,
        application_name=given.get("application_name", "groundwork"),
        connect_timeout=given.get("connect_timeout", _CONNECT_SECONDS),
        # A prepared statement ends up with one plan for all parameters: a search by a rare word would be
        # planned like one by a frequent word, and read every project.
        prepare_threshold=None,
    )


def _begin(connection: Connection) -> Connection:
    try:
        connection.execute(_SETTINGS, {"local": True})
    except BaseException:
        connection.close()
        raise
    return connection


def _undo(connection: Connection) -> None:
    """Rolls back. Where a signal's exception cut a statement short, only closing does it."""
    if connection.info.transaction_status is TransactionStatus.ACTIVE:
        connection.close()
    elif not connection.closed:
        connection.rollback()


def _parts(dsn: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(dsn))
    except psycopg.ProgrammingError:
        # Its message quotes what it could not read, which may be a piece of the password.
        raise errors.Misconfigured(
            "The address of the records' database cannot be read: it must be a Postgres URL such as"
            " postgresql://user:password@host:5432/database, with special characters percent-encoded."
        ) from None


def _place(dsn: str) -> str:
    """Host and database of `dsn`, for a message."""
    parts = _parts(dsn)
    return f"database '{parts.get('dbname', '')}' on '{parts.get('host', 'localhost')}'"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
