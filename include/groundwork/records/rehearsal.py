"""What a request would leave in the records: done for real in a transaction, read back, and rolled back.

So a plan shows just what the run will write, and is refused by just what refuses the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from groundwork.model.entities import Project, ProjectEnvironment, Repository
from groundwork.records import opening, resources, rows, states
from groundwork.records.connection import Database, Transaction
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec

_PROJECT = "SELECT * FROM projects WHERE id = %(id)s"
_BY_SLUG = "SELECT id FROM projects WHERE slug = %(slug)s"


@dataclass(frozen=True)
class Recorded:
    """What the records hold of one project."""

    project: Project
    repository: Repository | None
    environments: list[ProjectEnvironment]


@dataclass(frozen=True)
class Rehearsal:
    """`before` is None if the project is new. Ids in `after` that are not in `before` are gone again."""

    before: Recorded | None
    after: Recorded


class _Undo(Exception):
    """Ends the transaction without leaving anything."""


def rehearse(
    database: Database,
    project: ProjectSpec,
    run: RunSpec,
    repository: RepositorySpec,
    environments: Sequence[EnvironmentSpec],
) -> Rehearsal:
    """Open the operation and record its resources, then forget it. Raises as these two do."""
    known = project.project_id or _id_of(database, project.slug)
    with database.transaction() as transaction:
        before = _recorded(transaction, known) if known else None
    try:
        with database.transaction() as transaction:
            project_id = opening.open_for_request(transaction, project, run)["project_id"]
            resources.record(transaction, project_id, repository, environments)
            after = _recorded(transaction, project_id)
            raise _Undo
    except _Undo:
        pass
    if after is None:
        raise AssertionError(f"project {project_id} was recorded and is not there")
    return Rehearsal(before, after)


def _id_of(database: Database, slug: str) -> UUID | None:
    with database.transaction() as transaction:
        row = transaction.maybe(_BY_SLUG, slug=slug)
    return row["id"] if row else None


def _recorded(transaction: Transaction, project_id: UUID) -> Recorded | None:
    row = transaction.maybe(_PROJECT, id=project_id)
    if row is None:
        return None
    return Recorded(
        project=rows.project(row),
        repository=states.repository_of(transaction, project_id),
        environments=states.environments_of(transaction, project_id),
    )
