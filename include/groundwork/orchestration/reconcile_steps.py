"""What the tasks of `reconcile_projects` call: services opened, ids parsed, the pass's next part run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from groundwork.operations.reconcile import passes
from groundwork.operations.resolution import Run
from groundwork.orchestration.notes import counted
from groundwork.orchestration.services import open_services
from groundwork.records.inventory import Selection

# One mapped task repairs a few projects, so that the number of tasks stays below what Airflow maps.
_BATCHES = 16


def observe_and_decide(params: dict[str, Any], dag_run: Any) -> str:
    """Look, record and decide; the id of the pass is all that travels from here."""
    selection = Selection(params.get("project"), params.get("organization"), params.get("environment"))
    with open_services() as services:
        return str(passes.observe_and_decide(services, _run(dag_run), selection).id)


def approval(pass_id: str) -> tuple[str, str] | None:
    """Subject and body of the question whether a pass may repair what it found; None if it need not ask."""
    with open_services() as services:
        held = services.records.passes.get(UUID(pass_id)).held
        repairs = services.records.passes.to_repair(UUID(pass_id))
        return (held, passes.told(repairs)) if held and repairs else None


def approved(pass_id: str, by: str, *, yes: bool) -> None:
    """Let the pass go on, if it may, and leave in the audit trail who has answered, and what."""
    action = "reconcile.approved" if yes else "reconcile.rejected"
    with open_services() as services:
        if yes:
            services.records.passes.approved(UUID(pass_id))
        services.records.audit.append(by, action, details={"pass": pass_id})


def batches(pass_id: str) -> list[list[str]]:
    """The projects to repair, in as many parts as are worked on side by side."""
    with open_services() as services:
        found = [str(project_id) for project_id in passes.projects_to_repair(services, UUID(pass_id))]
    return [part for part in (found[number::_BATCHES] for number in range(_BATCHES)) if part]


def repair(pass_id: str, projects: Sequence[str], dag_run: Any) -> None:
    """Heal what the pass has found in these projects."""
    with open_services() as services:
        passes.repair(services, UUID(pass_id), {UUID(each) for each in projects}, _run(dag_run))


def finish(dag_run: Any) -> str:
    """End the run's pass, however far it came; says how, for the note on the run. Raises `Incomplete`."""
    with open_services() as services:
        begun = services.records.passes.of_run(dag_run.dag_id, dag_run.run_id)
        return counted(passes.finish(services, begun.id).counts)


def _run(dag_run: Any) -> Run:
    return Run(dag_run.dag_id, dag_run.run_id, dag_run.triggering_user_name)
