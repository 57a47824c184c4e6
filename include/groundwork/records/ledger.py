"""The ledger: per operation and step what was intended, and how it ended.

`begin` before a step touches anything, `done` or `failed` after. A step found `running` was cut off: look
what it left before doing it again.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import StepEntry
from groundwork.records import rows
from groundwork.records.connection import Database, Row, json
from groundwork.records.lease import project_of, require_lease
from groundwork.records.text import storable

_BEGIN = """
INSERT INTO operation_steps (operation_id, step, scope, intent)
VALUES (%(operation_id)s, %(step)s, %(scope)s, %(intent)s || '{"creates": []}')
ON CONFLICT (operation_id, step, scope) DO UPDATE
    SET attempts = operation_steps.attempts + 1, status = 'running',
        intent = excluded.intent || jsonb_build_object('creates', operation_steps.intent -> 'creates'),
        started_at = excluded.started_at, finished_at = NULL, reason = NULL, message = NULL
RETURNING *
"""
_CREATES = """
UPDATE operation_steps
SET intent = jsonb_set(intent, '{creates}', intent -> 'creates' || to_jsonb(%(name)s::text))
WHERE id = %(id)s AND NOT intent -> 'creates' ? %(name)s
"""
_DONE = """
UPDATE operation_steps
SET status = 'succeeded', result = %(result)s, finished_at = clock_timestamp(), reason = NULL, message = NULL,
    external_id = coalesce(%(external_id)s, external_id),
    created = CASE WHEN created THEN true ELSE coalesce(%(created)s, created) END
WHERE id = %(id)s
RETURNING *
"""
_FAILED = """
UPDATE operation_steps
SET status = 'failed', finished_at = clock_timestamp(), reason = %(reason)s, message = %(message)s
WHERE id = %(id)s
RETURNING *
"""
_STEPS = (
    "SELECT * FROM operation_steps WHERE operation_id = %(operation_id)s ORDER BY started_at, step, scope"
)


class Ledger:
    """Writes and reads the steps of operations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, operation_id: UUID, step: str, scope: str, intent: dict[str, Any]) -> StepEntry:
        """Records the intent of a step; again for the same step and scope counts one more attempt.

        `scope` is the environment's slug or ''. What earlier attempts made or were about to make stays in
        the entry. Raises `LeaseLost` if another operation has taken the project: the step must not be done
        then.
        """
        with self._database.transaction() as transaction:
            require_lease(transaction, project_of(transaction, operation_id), operation_id)
            row = transaction.one(
                _BEGIN, operation_id=operation_id, step=step, scope=scope, intent=json(intent)
            )
        return rows.step(row)

    def creates(self, entry_id: UUID, name: str) -> None:
        """Records that `name` was looked for, is not there, and is created next.

        What carries the project's marks under that name from now on is this operation's, whether or not the
        answer to its creation arrives.
        """
        with self._database.transaction() as transaction:
            transaction.run(_CREATES, id=entry_id, name=name)

    def done(
        self,
        entry_id: UUID,
        *,
        external_id: str | None = None,
        created: bool | None = None,
        result: dict[str, Any] | None = None,
    ) -> StepEntry:
        """Records that the step is done; `external_id` and `created` left out stay as they were."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(
                _DONE, id=entry_id, external_id=external_id, created=created, result=json(result or {})
            )
        return _entry(row, entry_id)

    def failed(self, entry_id: UUID, reason: str, message: str) -> StepEntry:
        """Records that the attempt ended without success, and why."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_FAILED, id=entry_id, reason=reason, message=storable(message))
        return _entry(row, entry_id)

    def steps(self, operation_id: UUID) -> list[StepEntry]:
        """In the order they were last begun."""
        with self._database.transaction() as transaction:
            return [rows.step(row) for row in transaction.all(_STEPS, operation_id=operation_id)]


def _entry(row: Row | None, entry_id: UUID) -> StepEntry:
    if row is None:
        raise NotFound(f"There is no step {entry_id} in the ledger.")
    return rows.step(row)
