"""Keeps the derived states true: every change of a part ends here, in the transaction of the change.

Such a transaction starts with `locked_project`. Changes of different environments of one project therefore
follow each other; otherwise each would derive the project's state without having seen the other.
"""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import GitOpsResource, Observation, Operation, ProjectEnvironment, Repository
from groundwork.records import rows, transitions
from groundwork.records.connection import Row, Transaction
from groundwork.records.derivation import environment_state, in_order, project_state
from groundwork.records.text import storable

_LOCKED_PROJECT = "SELECT * FROM projects WHERE id = %(id)s FOR NO KEY UPDATE"
_REPOSITORY = "SELECT * FROM repositories WHERE project_id = %(project_id)s"
_ENVIRONMENTS = """
SELECT project_environments.*, environments.slug AS environment_slug, environments.name AS environment_name,
       environments.policy AS environment_policy
FROM project_environments JOIN environments ON environments.id = project_environments.environment_id
WHERE project_environments.project_id = %(project_id)s OR project_environments.id = %(id)s
ORDER BY project_environments.created_at, environments.slug
"""
_RESOURCES = "SELECT * FROM gitops_resources WHERE project_environment_id = %(id)s"
_LAST_OPERATION = """
SELECT operations.* FROM leases JOIN operations ON operations.id = leases.operation_id
WHERE leases.project_id = %(project_id)s
"""
# Joined with itself, a statement tells what it has replaced; with the project locked nobody else has.
_SET_ENVIRONMENT = """
UPDATE project_environments AS part
SET status = %(status)s, reason = %(reason)s, message = %(message)s,
    observed_at = %(observed_at)s, revision = %(revision)s
FROM project_environments AS before
JOIN environments ON environments.id = before.environment_id
WHERE part.id = %(id)s AND before.id = part.id
  AND (part.status, part.reason, part.message, part.observed_at, part.revision) IS DISTINCT FROM
      (%(status)s, %(reason)s, %(message)s, %(observed_at)s::timestamptz, %(revision)s)
RETURNING before.project_id, before.status, before.reason, before.message, before.revision, environments.slug
"""
_SET_PROJECT = """
UPDATE projects AS whole
SET status = %(status)s, reason = %(reason)s, message = %(message)s,
    observed_at = %(observed_at)s, revision = %(revision)s
FROM projects AS before
WHERE whole.id = %(id)s AND before.id = whole.id
  AND (whole.status, whole.reason, whole.message, whole.observed_at, whole.revision) IS DISTINCT FROM
      (%(status)s, %(reason)s, %(message)s, %(observed_at)s::timestamptz, %(revision)s)
RETURNING before.id AS project_id, before.status, before.reason, before.message, before.revision
"""


def locked_project(transaction: Transaction, project_id: UUID) -> Row:
    """The project's row, held until the transaction ends. Raises `NotFound`."""
    row = transaction.maybe(_LOCKED_PROJECT, id=project_id)
    if row is None:
        raise NotFound(f"There is no project {project_id} in the records.")
    return row


def repository_of(transaction: Transaction, project_id: UUID) -> Repository | None:
    row = transaction.maybe(_REPOSITORY, project_id=project_id)
    return rows.repository(row) if row else None


def environments_of(transaction: Transaction, project_id: UUID) -> list[ProjectEnvironment]:
    """In the order they were recorded."""
    found = transaction.all(_ENVIRONMENTS, project_id=project_id, id=None)
    return [rows.project_environment(row) for row in found]


def project_environment(transaction: Transaction, project_environment_id: UUID) -> ProjectEnvironment:
    """Raises `NotFound`."""
    row = transaction.maybe(_ENVIRONMENTS, project_id=None, id=project_environment_id)
    if row is None:
        raise NotFound(f"There is no environment {project_environment_id} of a project in the records.")
    return rows.project_environment(row)


def resources_of(transaction: Transaction, project_environment_id: UUID) -> list[GitOpsResource]:
    """In the order they are made."""
    return in_order(rows.resource(row) for row in transaction.all(_RESOURCES, id=project_environment_id))


def last_operation(transaction: Transaction, project_id: UUID) -> Operation | None:
    """The operation that holds the project's lease, or was the last to hold it."""
    row = transaction.maybe(_LAST_OPERATION, project_id=project_id)
    return rows.operation(row) if row else None


def derive_environment(transaction: Transaction, project_environment_id: UUID) -> None:
    """Sets an environment's state from its resources'. `derive_project` must follow."""
    state = environment_state(resources_of(transaction, project_environment_id))
    before = transaction.maybe(_SET_ENVIRONMENT, id=project_environment_id, **_columns(state))
    transitions.audit_state(transaction, "environment", before, state)


def derive_project(transaction: Transaction, project_id: UUID) -> None:
    """Sets a project's state from its repository's, its environments' and its last operation's."""
    state = project_state(
        repository_of(transaction, project_id),
        environments_of(transaction, project_id),
        last_operation(transaction, project_id),
    )
    before = transaction.maybe(_SET_PROJECT, id=project_id, **_columns(state))
    transitions.audit_state(transaction, "project", before, state)


def _columns(state: Observation) -> dict[str, object]:
    return {**asdict(state), "message": storable(state.message)}
