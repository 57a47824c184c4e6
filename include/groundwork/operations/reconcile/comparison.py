"""Projects as recorded, compared with what was seen of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from groundwork.clients.gitlab import GitLabProject
from groundwork.model.changes import System
from groundwork.model.findings import Finding, FindingClass
from groundwork.model.sightings import ProjectSighting
from groundwork.model.statuses import OperationStatus, Status
from groundwork.operations.reconcile.desired import target_of
from groundwork.operations.reconcile.environments import Case, Judgement, judge
from groundwork.operations.reconcile.looks import Look, Looks
from groundwork.operations.reconcile.observation import View
from groundwork.operations.reconcile.repositories import RepositoryJudgement, judge_repository
from groundwork.records.inventory import RecordedEnvironment, RecordedProject
from groundwork.resources import ownership
from groundwork.settings import Settings

_REMOVED = (Status.REMOVING, Status.REMOVED)


@dataclass
class Comparison:
    """What is wrong, and how everything stands that was seen."""

    findings: list[Finding] = field(default_factory=list)
    sightings: list[ProjectSighting] = field(default_factory=list)


def compare(
    settings: Settings, recorded: Sequence[RecordedProject], view: View, looks: Looks, now: datetime
) -> Comparison:
    """Compare every project that no operation holds. What could not be seen is not judged."""
    found = Comparison()
    owned = _by_mark(view)
    for project in recorded:
        if project.held:
            continue
        project_id = project.project.id
        _compare_one(settings, project, view, owned.get(project_id), looks, now, found)
    return found


def _compare_one(
    settings: Settings,
    project: RecordedProject,
    view: View,
    marked: GitLabProject | None,
    looks: Looks,
    now: datetime,
    found: Comparison,
) -> None:
    if project.last is not None and project.last.status is OperationStatus.RUNNING:
        found.findings.append(_dead_operation(project))
    if project.project.state.status in _REMOVED:
        return
    look = looks.by_project.get(project.project.id)
    judgements = [
        judged
        for environment in project.environments
        if (judged := _environment(settings, project, environment, view, look, now))
    ]
    repository = RepositoryJudgement()
    if not (view.gitlab.problem or looks.problem):
        repository = judge_repository(project, _listed(project, view, marked), look)
    sightings = [sighting for judged in judgements for sighting in judged.sightings]
    found.sightings.append(ProjectSighting(project.project, repository.sighting, sightings))
    if _is_zombie(project, repository, judgements):
        found.findings.append(_zombie(project))
        return
    found.findings += repository.findings
    for judged in judgements:
        found.findings += judged.findings


def _environment(
    settings: Settings,
    project: RecordedProject,
    environment: RecordedEnvironment,
    view: View,
    look: Look | None,
    now: datetime,
) -> Judgement | None:
    cluster = view.clusters.get(environment.environment.environment.cluster)
    target = target_of(settings, project, environment)
    if cluster is None or cluster.problem or target is None:
        return None
    policy = environment.environment.environment.policy
    deadline = timedelta(seconds=policy.sync_deadline or settings.sync_deadline)
    tokens = look.tokens if look is not None and look.found is not None else None
    return judge(Case(target, environment, project.last, cluster, tokens, now, deadline))


def _by_mark(view: View) -> Mapping[UUID, GitLabProject]:
    found = {ownership.project_of_topics(item.topics): item for item in view.gitlab.projects.values()}
    return {project_id: item for project_id, item in found.items() if project_id is not None}


def _listed(project: RecordedProject, view: View, marked: GitLabProject | None) -> GitLabProject | None:
    known = project.repository
    if known is None or known.gitlab_id is None:
        return marked
    return view.gitlab.projects.get(known.gitlab_id)


def _is_zombie(
    project: RecordedProject, repository: RepositoryJudgement, judgements: Sequence[Judgement]
) -> bool:
    """Whether nothing of a project is there any more, as far as can be seen."""
    gone = any(item.finding_class is FindingClass.REPOSITORY_GONE for item in repository.findings)
    everywhere = project.whole and bool(judgements) and len(judgements) == len(project.environments)
    return gone and everywhere and all(judged.namespace_gone for judged in judgements)


def _zombie(project: RecordedProject) -> Finding:
    message = "neither its repository nor any of its namespaces is there: decommission it, or run it again"
    slug = project.project.slug
    return Finding(FindingClass.ZOMBIE, System.DATABASE, "Project", slug, message, project.project.id)


def _dead_operation(project: RecordedProject) -> Finding:
    last = project.last
    if last is None:
        raise AssertionError("only an operation can be dead")
    message = f"{last.kind} of run {last.run_id} is recorded as running, but has let its lease run out"
    return Finding(
        FindingClass.DEAD_OPERATION, System.DATABASE, "Operation", str(last.id), message, project.project.id
    )
