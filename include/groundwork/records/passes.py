"""Reconcile passes and what they found: how the tasks of one pass hand it on, and what people look at."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.changes import Difference, System
from groundwork.model.findings import (
    DecidedFinding,
    Finding,
    FindingClass,
    FindingState,
    Pass,
    PassStatus,
    Policy,
)
from groundwork.records.connection import Database, Row, json, json_list
from groundwork.records.text import storable

# A task that is tried again goes on with its pass as if it were new.
_BEGIN = """
INSERT INTO reconcile_passes (dag_id, run_id, triggered_by, selection, problems)
VALUES (%(dag_id)s, %(run_id)s, %(triggered_by)s, %(selection)s, %(problems)s)
ON CONFLICT (dag_id, run_id) DO UPDATE
    SET status = 'running', finished_at = NULL, held = NULL, problems = %(problems)s, counts = '{}'
RETURNING *
"""
_NOT_OBSERVED = "It ended before it had looked at everything."
_GET = "SELECT * FROM reconcile_passes WHERE id = %(id)s"
_OF_RUN = "SELECT * FROM reconcile_passes WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s"
_LIST = "SELECT * FROM reconcile_passes ORDER BY started_at DESC LIMIT %(limit)s"
_LOOKED_UP_TO = """
SELECT looked_up_to FROM reconcile_passes WHERE looked_up_to IS NOT NULL ORDER BY started_at DESC LIMIT 1
"""
_OBSERVED = """
UPDATE reconcile_passes
SET problems = %(problems)s, held = %(held)s, looked_up_to = %(looked_up_to)s
WHERE id = %(id)s
"""
_FINISH = """
UPDATE reconcile_passes
SET status = CASE WHEN problems = '[]' THEN 'complete' ELSE 'incomplete' END,
    finished_at = clock_timestamp(),
    counts = (
        SELECT coalesce(jsonb_object_agg(state, number), '{}')
        FROM (SELECT state, count(*) AS number FROM findings WHERE pass_id = %(id)s GROUP BY state) AS counted
    )
WHERE id = %(id)s
RETURNING *
"""
_FORGET = (
    "DELETE FROM reconcile_passes WHERE started_at < clock_timestamp() - make_interval(secs => %(seconds)s)"
)
_SEE = """
INSERT INTO findings (
    pass_id, project_id, system, place, scope, class, kind, name, policy, state, message, differences,
    outcome, ended_at
)
SELECT %(pass_id)s, seen.*, CASE WHEN seen.state IN ('healed', 'gone') THEN clock_timestamp() END
FROM jsonb_to_recordset(%(findings)s) AS seen (
    project_id uuid, system text, place text, scope text, class text, kind text, name text,
    policy text, state text, message text, differences jsonb, outcome text
)
ON CONFLICT ON CONSTRAINT findings_thing_key DO UPDATE
    SET pass_id = excluded.pass_id, policy = excluded.policy, state = excluded.state,
        message = excluded.message, differences = excluded.differences, outcome = excluded.outcome,
        last_seen_at = excluded.last_seen_at, ended_at = excluded.ended_at,
        first_seen_at = CASE WHEN findings.ended_at IS NULL THEN findings.first_seen_at
                             ELSE excluded.first_seen_at END
"""
_OPEN = "SELECT * FROM findings WHERE ended_at IS NULL ORDER BY first_seen_at, id"
_END = """
UPDATE findings SET state = 'gone', ended_at = clock_timestamp()
WHERE id = ANY (%(ids)s) AND ended_at IS NULL
"""
_TO_REPAIR = """
SELECT * FROM findings
WHERE pass_id = %(pass_id)s AND policy = 'heal' AND project_id IS NOT NULL
  AND state IN ('open', 'awaiting_approval', 'repair_failed')
ORDER BY project_id, id
"""
_HEALED_SINCE = """
SELECT * FROM findings
WHERE state = 'healed' AND ended_at > clock_timestamp() - make_interval(secs => %(seconds)s)
"""
_ASKED_FOR = """
SELECT findings.* FROM findings JOIN reconcile_passes ON reconcile_passes.id = findings.pass_id
WHERE reconcile_passes.id <> %(besides)s AND reconcile_passes.status = 'running'
  AND reconcile_passes.held IS NOT NULL
  AND reconcile_passes.started_at > clock_timestamp() - make_interval(secs => %(seconds)s)
  AND findings.policy = 'heal' AND findings.state IN ('open', 'awaiting_approval')
"""
_SEEN_AGAIN = "UPDATE findings SET last_seen_at = clock_timestamp() WHERE id = ANY (%(ids)s)"
_APPROVED = """
UPDATE findings SET state = 'open', outcome = ''
WHERE pass_id = %(pass_id)s AND state = 'awaiting_approval'
"""
_NOT_APPROVED = """
UPDATE findings SET state = 'held', outcome = %(outcome)s
WHERE pass_id = %(pass_id)s AND state = 'awaiting_approval'
"""
_CUT_OFF = """
UPDATE findings SET state = 'repair_failed', outcome = %(outcome)s
WHERE pass_id = %(pass_id)s AND policy = 'heal' AND state = 'open'
"""
_PROBLEM = """
UPDATE reconcile_passes SET problems = problems || to_jsonb(%(problem)s::text) WHERE id = %(id)s
"""
_SETTLE = """
UPDATE findings
SET state = %(state)s, outcome = %(outcome)s,
    ended_at = CASE WHEN %(state)s IN ('healed', 'gone') THEN clock_timestamp() END
WHERE id = ANY (%(ids)s)
"""


class Passes:
    """Begins, reads and ends passes, and keeps what is wrong."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, dag_id: str, run_id: str, triggered_by: str | None, selection: dict[str, str | None]
    ) -> Pass:
        """The run's pass, begun or begun again; incomplete until `observed`."""
        with self._database.transaction() as transaction:
            row = transaction.one(
                _BEGIN,
                dag_id=dag_id,
                run_id=run_id,
                triggered_by=triggered_by,
                selection=json(selection),
                problems=json_list([_NOT_OBSERVED]),
            )
        return _pass(row)

    def get(self, pass_id: UUID) -> Pass:
        """Raises `NotFound`."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_GET, id=pass_id)
        if row is None:
            raise NotFound(f"There is no reconcile pass {pass_id} in the records.")
        return _pass(row)

    def of_run(self, dag_id: str, run_id: str) -> Pass:
        """Raises `NotFound` if the run has not begun its pass."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_OF_RUN, dag_id=dag_id, run_id=run_id)
        if row is None:
            raise NotFound(f"Run {run_id} of {dag_id} has not begun a reconcile pass.")
        return _pass(row)

    def list(self, *, limit: int = 50) -> list[Pass]:
        """Newest first."""
        with self._database.transaction() as transaction:
            return [_pass(row) for row in transaction.all(_LIST, limit=limit)]

    def looked_up_to(self) -> UUID | None:
        """The project at which the next pass goes on to read what cannot be listed."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_LOOKED_UP_TO)
        return row["looked_up_to"] if row else None

    def observed(
        self, pass_id: UUID, problems: Sequence[str], held: str | None, looked_up_to: UUID | None
    ) -> None:
        """Records what could not be seen, and why repairs wait, if they do."""
        with self._database.transaction() as transaction:
            transaction.run(
                _OBSERVED,
                id=pass_id,
                problems=json_list([storable(problem) for problem in problems]),
                held=held and storable(held),
                looked_up_to=looked_up_to,
            )

    def finish(self, pass_id: UUID, *, keep_seconds: float) -> Pass:
        """Ends the pass, `incomplete` if something could not be seen; older passes are forgotten with the
        findings that nobody has seen since."""
        with self._database.transaction() as transaction:
            row = transaction.one(_FINISH, id=pass_id)
            transaction.run(_FORGET, seconds=keep_seconds)
        return _pass(row)

    def see(self, pass_id: UUID, found: Sequence[DecidedFinding], gone: Collection[UUID]) -> None:
        """Records what a pass found wrong, and ends the findings in `gone`, which are not any more."""
        with self._database.transaction() as transaction:
            if found:
                transaction.run(_SEE, pass_id=pass_id, findings=json_list([_values(item) for item in found]))
            if gone:
                transaction.run(_END, ids=list(gone))

    def open_findings(self) -> builtins.list[DecidedFinding]:
        """Everything that was wrong when last looked at, oldest first."""
        with self._database.transaction() as transaction:
            return [_finding(row) for row in transaction.all(_OPEN)]

    def to_repair(self, pass_id: UUID) -> builtins.list[DecidedFinding]:
        """What the pass found and is to heal, and has not yet, by project."""
        with self._database.transaction() as transaction:
            return [_finding(row) for row in transaction.all(_TO_REPAIR, pass_id=pass_id)]

    def healed_within(self, seconds: float) -> builtins.list[DecidedFinding]:
        """What was healed lately."""
        with self._database.transaction() as transaction:
            return [_finding(row) for row in transaction.all(_HEALED_SINCE, seconds=seconds)]

    def asked_for(self, *, besides: UUID, seconds: float) -> builtins.list[DecidedFinding]:
        """What other passes have asked to repair and have not repaired yet, whether approved or not.

        A pass begun longer than `seconds` ago is taken for dead.
        """
        with self._database.transaction() as transaction:
            rows = transaction.all(_ASKED_FOR, besides=besides, seconds=seconds)
            return [_finding(row) for row in rows]

    def seen_again(self, found: Collection[DecidedFinding]) -> None:
        """Records that these are still so, and stay with the pass they are of."""
        with self._database.transaction() as transaction:
            transaction.run(_SEEN_AGAIN, ids=[item.id for item in found])

    def approved(self, pass_id: UUID) -> None:
        """Records that what awaited approval has it."""
        with self._database.transaction() as transaction:
            transaction.run(_APPROVED, pass_id=pass_id)

    def not_approved(self, pass_id: UUID, outcome: str) -> int:
        """Records that what awaited approval did not get it; answers how many findings that are."""
        with self._database.transaction() as transaction:
            return transaction.run(_NOT_APPROVED, pass_id=pass_id, outcome=storable(outcome))

    def cut_off(self, pass_id: UUID, outcome: str) -> int:
        """Records that what was to be repaired was not, and that the pass is incomplete for it; answers how
        many findings that are."""
        with self._database.transaction() as transaction:
            number = transaction.run(_CUT_OFF, pass_id=pass_id, outcome=storable(outcome))
            if number:
                problem = f"{number} findings were not repaired: {outcome}."
                transaction.run(_PROBLEM, id=pass_id, problem=storable(problem))
        return number

    def settle(self, found: Collection[DecidedFinding], state: FindingState, outcome: str = "") -> None:
        """Records what became of findings."""
        with self._database.transaction() as transaction:
            ids = [item.id for item in found]
            transaction.run(_SETTLE, ids=ids, state=state, outcome=storable(outcome))


def _values(item: DecidedFinding) -> dict[str, Any]:
    finding = item.finding
    return {
        "project_id": str(finding.project_id) if finding.project_id else None,
        "system": finding.system,
        "place": finding.place,
        "scope": finding.scope,
        "class": finding.finding_class,
        "kind": finding.kind,
        "name": finding.name,
        "policy": item.policy,
        "state": item.state,
        "message": storable(finding.message),
        "differences": [vars(difference) for difference in finding.differences],
        "outcome": storable(item.outcome),
    }


def _finding(row: Row) -> DecidedFinding:
    finding = Finding(
        finding_class=FindingClass(row["class"]),
        system=System(row["system"]),
        kind=row["kind"],
        name=row["name"],
        message=row["message"],
        project_id=row["project_id"],
        place=row["place"],
        scope=row["scope"],
        differences=tuple(Difference(**item) for item in row["differences"]),
    )
    return DecidedFinding(
        finding, Policy(row["policy"]), FindingState(row["state"]), row["outcome"], row["id"]
    )


def _pass(row: Row) -> Pass:
    values = {item.name: row[item.name] for item in fields(Pass)}
    return Pass(**{**values, "status": PassStatus(row["status"])})
