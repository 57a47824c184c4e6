"""One pass, from the look to the record. Knows no Airflow: each function is what one task does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import groupby
from uuid import UUID

from groundwork.errors import Incomplete, NotFound
from groundwork.model.changes import System
from groundwork.model.findings import (
    DecidedFinding,
    Finding,
    FindingClass,
    Pass,
    PassStatus,
    policies,
)
from groundwork.model.sightings import ProjectSighting
from groundwork.operations.reconcile import decision
from groundwork.operations.reconcile.comparison import compare
from groundwork.operations.reconcile.looks import Looks, look_into
from groundwork.operations.reconcile.observation import View, observe
from groundwork.operations.reconcile.orphans import orphans, unclaimed
from groundwork.operations.reconcile.repair import repair_project
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records.inventory import RecordedProject, Selection
from groundwork.resources import branch_protection, repository

# Every so often the records are told that what is unchanged was seen again: not each time, for that would
# rewrite them all in every pass.
_SEEN_AGAIN_AFTER = 900.0
_RENEWED_LATELY = 3600.0
# Whether these are still so only a look into the project tells.
_NEEDS_A_LOOK = frozenset({FindingClass.CREDENTIALS, FindingClass.EXPIRING, FindingClass.REPOSITORY_GONE})
_NOT_APPROVED = "its repair was not approved"
_CUT_OFF = "the repair was cut off, a later pass looks again"


def observe_and_decide(services: Services, run: Run, selection: Selection) -> Pass:
    """Look at everything selected, record how it stands, and decide what is to be repaired.

    Raises `NotFound` if nothing selected is in the records; what cannot be seen ends up in `problems`.
    """
    records = services.records
    begun = records.passes.begin(run.dag_id, run.run_id, run.triggered_by, vars(selection))
    recorded = records.inventory.read(selection)
    if not (recorded or selection.is_everything):
        raise NotFound(f"There is no project in the records for {selection}.")
    known = records.passes.open_findings()
    lone = recorded[0].project.id if selection.project else None
    view = observe(services, recorded, _clusters(services, recorded, selection), lone)
    looks = look_into(services, recorded, view, _suspects(known), records.passes.looked_up_to())
    now = datetime.now(UTC)
    found = compare(services.settings, recorded, view, looks, now)
    if selection.is_everything:
        found.findings += _orphans(services, recorded, view)
    gitlab_problem = view.gitlab.problem or looks.problem
    decided = decision.decide(
        found.findings,
        policies(services.settings.reconcile_policy),
        {item.finding.key for item in records.passes.healed_within(_RENEWED_LATELY)},
        gitlab_problem,
    )
    gone = _ended(known, decided, recorded, selection, view, looks)
    decided, theirs = decision.apart(decided, _asked_for(services, begun.id, selection))
    settings = services.settings
    brake = decision.Brake(settings.reconcile_max_repairs, settings.reconcile_max_repair_share)
    reason = decision.braked(decided, len(recorded), brake, theirs)
    if reason:
        decided = decision.held(decided, reason)
    _record_states(services, found.findings, found.sightings)
    records.passes.see(begun.id, decided, gone)
    records.passes.seen_again(theirs)
    problems = view.problems if not looks.problem else [*view.problems, looks.problem]
    records.passes.observed(begun.id, problems, reason, looks.looked_up_to)
    return records.passes.get(begun.id)


def projects_to_repair(services: Services, pass_id: UUID) -> list[UUID]:
    """The projects in which a pass has something to heal."""
    found = services.records.passes.to_repair(pass_id)
    return [project_id for project_id, _ in groupby(found, _project_of) if project_id is not None]


def repair(services: Services, pass_id: UUID, projects: Collection[UUID], run: Run) -> None:
    """Heal what a pass has found in these projects, one after the other."""
    for project_id, found in groupby(services.records.passes.to_repair(pass_id), _project_of):
        if project_id in projects:
            repair_project(services, list(found), run)


def finish(services: Services, pass_id: UUID) -> Pass:
    """End a pass. What still awaits approval did not get it, and what else was to be repaired was cut off.

    Raises `Incomplete`, with the pass recorded, if a system was not seen as a whole or repairs were cut off.
    """
    passes = services.records.passes
    passes.not_approved(pass_id, _NOT_APPROVED)
    passes.cut_off(pass_id, _CUT_OFF)
    ended = passes.finish(pass_id, keep_seconds=services.settings.reconcile_history)
    if ended.status is PassStatus.INCOMPLETE:
        raise Incomplete(
            "This pass is incomplete; where it could not see, nothing was repaired. "
            + " ".join(ended.problems)
        )
    return ended


def told(found: Sequence[DecidedFinding]) -> str:
    """Findings as a Markdown list, for a person. Pure."""
    return "\n".join(f"- {item.finding}" for item in found)


def _asked_for(services: Services, pass_id: UUID, selection: Selection) -> list[DecidedFinding]:
    """What other passes have asked to repair; who asks for one project alone asks for its repair now."""
    if selection.project:
        return []
    seconds = services.settings.reconcile_pass_timeout
    return services.records.passes.asked_for(besides=pass_id, seconds=seconds)


def _clusters(
    services: Services, recorded: Sequence[RecordedProject], selection: Selection
) -> Collection[str]:
    used = {item.environment.environment.cluster for project in recorded for item in project.environments}
    # Where nothing is recorded any more there may still be what nobody claims.
    return {*used, *services.records.inventory.clusters()} if selection.is_everything else used


def _suspects(known: Sequence[DecidedFinding]) -> set[UUID]:
    return {
        item.finding.project_id for item in known if item.finding.project_id and _needs_a_look(item.finding)
    }


def _needs_a_look(finding: Finding) -> bool:
    if finding.finding_class in _NEEDS_A_LOOK or finding.kind == branch_protection.KIND:
        return True
    return finding.finding_class is FindingClass.UNFINISHED and finding.kind == repository.KIND


def _orphans(services: Services, recorded: Sequence[RecordedProject], view: View) -> list[Finding]:
    found = orphans(recorded, view)
    if not found:
        return []
    inventory = services.records.inventory
    ids = {UUID(item.marked) for item in found if _is_id(item.marked)}
    names = {item.finding.name for item in found if item.finding.system is System.CLUSTER}
    return unclaimed(found, inventory.known_projects(ids), inventory.known_namespaces(names))


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _record_states(
    services: Services, findings: Sequence[Finding], sightings: Sequence[ProjectSighting]
) -> None:
    records = services.records
    for finding in findings:
        if finding.finding_class is FindingClass.DEAD_OPERATION and finding.project_id:
            records.operations.end_dead(finding.project_id)
    for sighting in sightings:
        if sighting.is_news:
            records.sightings.write(sighting)
    unchanged = [sighting for sighting in sightings if not sighting.is_news]
    parts = [item.resource.id for sighting in unchanged for item in sighting.resources]
    parts += [item.repository.repository.id for item in unchanged if item.repository]
    projects = [item.project.id for item in unchanged]
    records.sightings.seen_again(projects, parts, older_than_seconds=_SEEN_AGAIN_AFTER)


def _ended(
    known: Sequence[DecidedFinding],
    decided: Sequence[DecidedFinding],
    recorded: Sequence[RecordedProject],
    selection: Selection,
    view: View,
    looks: Looks,
) -> list[UUID]:
    """The open findings that this pass could have seen, and has not found again. Pure."""
    still = {item.finding.key for item in decided}
    judged = {project.project.id for project in recorded if not project.held}
    scopes = {
        (project.project.id, item.environment.environment.slug)
        for project in recorded
        for item in project.environments
    }
    ended = []
    for item in known:
        finding = item.finding
        if item.id is None or finding.key in still or not _is_seen(finding, view, looks):
            continue
        if finding.finding_class is FindingClass.ORPHAN:
            if selection.is_everything:
                ended.append(item.id)
            continue
        if finding.finding_class is FindingClass.ZOMBIE and selection.environment:
            continue
        whose = finding.project_id in judged
        if whose and (not finding.scope or (finding.project_id, finding.scope) in scopes):
            ended.append(item.id)
    return ended


def _is_seen(finding: Finding, view: View, looks: Looks) -> bool:
    if _needs_a_look(finding) and finding.project_id not in looks.by_project:
        return False
    if finding.system is System.GITLAB:
        return not (view.gitlab.problem or looks.problem)
    if finding.system is System.CLUSTER:
        return finding.place in view.clusters and not view.clusters[finding.place].problem
    return not view.problems


def _project_of(item: DecidedFinding) -> UUID | None:
    return item.finding.project_id
