"""Emptying the records for a fresh start: everything in one transaction, or nothing.

The audit trail refuses to be emptied. Here, and nowhere else, that is set aside on purpose: its trigger is
switched off by name, and on again before the transaction ends, whose first new event tells who has done it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from groundwork.errors import Conflict, Misconfigured, ProjectBusy
from groundwork.records import audit
from groundwork.records.connection import Transaction, connect
from groundwork.records.migrate import VERSION_TABLE, current_revision, newest_revision

TABLES: Final = (
    *("organizations", "users", "memberships", "environments", "projects", "repositories"),
    *("project_environments", "gitops_resources", "operations", "operation_steps", "leases", "audit_events"),
    *("reconcile_passes", "findings"),
)
"""Every table that is emptied; a test compares it with what the migrations make."""

_LISTED: Final = ", ".join(TABLES)
_COUNTS: Final = " UNION ALL ".join(
    f"SELECT '{table}' AS name, count(*) AS number FROM {table}"  # noqa: S608 - names from right above
    for table in TABLES
)
_AIRFLOW = frozenset({"dag", "dag_run", "task_instance", "ab_user", "alembic_version"})
_PLACE: Final = "SELECT current_database() AS database, session_user AS role"
_FOUND: Final = """
SELECT n.nspname || '.' || c.relname AS name, n.nspname AS schema, c.relname AS plain
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_%%'
"""
_REPOSITORIES: Final = """
SELECT path FROM repositories WHERE gitlab_id IS NOT NULL AND status <> 'removed' ORDER BY path
"""
_NAMESPACES: Final = """
SELECT cluster || '/' || namespace AS name FROM gitops_resources
WHERE kind = 'Namespace' AND created_by_us AND status <> 'removed' ORDER BY 1
"""
_HELD: Final = """
SELECT projects.slug, operations.dag_id, operations.run_id FROM leases
JOIN operations ON operations.id = leases.operation_id JOIN projects ON projects.id = leases.project_id
WHERE leases.expires_at > clock_timestamp() ORDER BY projects.slug
"""


@dataclass(frozen=True)
class Survey:
    """What is in the database: rows by table, and what exists elsewhere that nothing will tell of any more.

    `repositories` are GitLab paths, `namespaces` are `cluster/name`, `held` names what is being worked on.
    """

    database: str
    rows: dict[str, int]
    repositories: tuple[str, ...]
    namespaces: tuple[str, ...]
    held: tuple[str, ...]


def survey(dsn: str) -> Survey:
    """Look, and change nothing. Raises `Conflict` if the database holds more than Groundwork's tables, and
    `Misconfigured` if these are not of this version."""
    _require_current(dsn)
    with connect(dsn) as connection:
        _require_own(Transaction(connection))
        return _surveyed(Transaction(connection))


def reset(dsn: str, database: str, actor: str) -> Survey:
    """Empty every table, in the name of `actor`; answers what went, as does the one event that is left.

    `database` must be the name of the database. Raises `Conflict` if it is not or if the database holds more
    than Groundwork's tables, `ProjectBusy` while an operation holds a project, and `Misconfigured` if the
    tables are not of this version or the role does not own them.
    """
    _require_current(dsn)
    with connect(dsn) as connection:
        _require_own(Transaction(connection))
        transaction = Transaction(connection)
        transaction.run(f"LOCK TABLE {_LISTED} IN ACCESS EXCLUSIVE MODE")
        found = _surveyed(transaction)
        if found.database != database:
            raise Conflict(f"This is database '{found.database}', not '{database}'. Nothing was changed.")
        if found.held:
            raise ProjectBusy(
                f"Nothing was changed: {', '.join(found.held)} is still at work. Run this again when that has"
                " ended, or its lease."
            )
        _empty(transaction)
        _leave_word(transaction, found, actor)
    return found


def _empty(transaction: Transaction) -> None:
    transaction.run("ALTER TABLE audit_events DISABLE TRIGGER audit_events_no_truncate")
    transaction.run(f"TRUNCATE {_LISTED} RESTART IDENTITY")
    transaction.run("ALTER TABLE audit_events ENABLE TRIGGER audit_events_no_truncate")


def _leave_word(transaction: Transaction, found: Survey, actor: str) -> None:
    details = {
        "database": found.database,
        "role": transaction.one(_PLACE)["role"],
        "rows": found.rows,
        "orphaned_repositories": len(found.repositories),
        "orphaned_namespaces": len(found.namespaces),
    }
    audit.append(transaction, actor, "database.reset", details=details)


def _surveyed(transaction: Transaction) -> Survey:
    return Survey(
        database=transaction.one(_PLACE)["database"],
        rows={row["name"]: int(row["number"]) for row in transaction.all(_COUNTS)},
        repositories=tuple(row["path"] for row in transaction.all(_REPOSITORIES)),
        namespaces=tuple(row["name"] for row in transaction.all(_NAMESPACES)),
        held=tuple(f"{row['slug']} ({row['dag_id']} {row['run_id']})" for row in transaction.all(_HELD)),
    )


def _require_current(dsn: str) -> None:
    found, wanted = current_revision(dsn), newest_revision()
    if found != wanted:
        state = f"at schema revision {found}" if found else "without Groundwork's tables"
        raise Misconfigured(
            f"The database is {state}, this version needs {wanted}: run `groundwork migrate`."
        )


def _require_own(transaction: Transaction) -> None:
    """Raises `Conflict` unless the database is Groundwork's alone."""
    own = {*TABLES, VERSION_TABLE}
    found = transaction.all(_FOUND)
    others = sorted(row["name"] for row in found if row["schema"] != "public" or row["plain"] not in own)
    if not others:
        return
    named = ", ".join(others[:5]) + (" and others" if len(others) > 5 else "")
    if _AIRFLOW & {row["plain"] for row in found}:
        raise Conflict(
            f"This database holds Airflow's own tables ({named}). It is not Groundwork's to empty."
        )
    raise Conflict(f"This database holds more than Groundwork's tables ({named}). Nothing was changed.")
