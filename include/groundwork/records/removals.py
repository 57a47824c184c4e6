"""A removal in the records: what is to go is `removing` until it is seen gone; then the rows are a tombstone.

The rows stay: they keep the slug, the namespaces and where a repository can still be taken back from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from groundwork.records import audit, states
from groundwork.records.connection import Database
from groundwork.records.lease import project_of, require_lease

_REMOVING_RESOURCES = """
UPDATE gitops_resources
SET status = 'removing', reason = 'RemovalRequested', message = '', observed_at = clock_timestamp()
WHERE project_environment_id = %(id)s AND status <> 'removed'
"""
_REMOVING_REPOSITORY = """
UPDATE repositories
SET status = 'removing', reason = 'RemovalRequested', message = '', observed_at = clock_timestamp()
WHERE project_id = %(project_id)s AND status <> 'removed'
"""


_FINISHED = "removal.finished"
_IS_FINISHED = """
SELECT EXISTS (
    SELECT FROM audit_events WHERE operation_id = %(operation_id)s AND action = %(action)s
) AS finished
"""


class Removals:
    """Marks what is being removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, operation_id: UUID, environments: Sequence[UUID], *, repository: bool) -> None:
        """Everything of these environments, and the repository if told, is `removing`; what is gone stays so.

        `environments` are ids of a project's environments. Raises `LeaseLost` if the operation does not hold
        the project.
        """
        with self._database.transaction() as transaction:
            project_id = project_of(transaction, operation_id)
            states.locked_project(transaction, project_id)
            require_lease(transaction, project_id, operation_id)
            for project_environment_id in environments:
                transaction.run(_REMOVING_RESOURCES, id=project_environment_id)
                states.derive_environment(transaction, project_environment_id)
            if repository:
                transaction.run(_REMOVING_REPOSITORY, project_id=project_id)
            states.derive_project(transaction, project_id)

    def finish(self, operation_id: UUID, details: dict[str, Any]) -> None:
        """Leaves the tombstone in the audit trail, once per operation."""
        with self._database.transaction() as transaction:
            project_id = project_of(transaction, operation_id)
            states.locked_project(transaction, project_id)
            require_lease(transaction, project_id, operation_id)
            if not transaction.one(_IS_FINISHED, operation_id=operation_id, action=_FINISHED)["finished"]:
                audit.append(transaction, "groundwork", _FINISHED, project_id, operation_id, details)
