"""From what was seen to chains of links, and which link of each is the cause. Pure.

The cause is the earliest broken link, with two exceptions: run and record are broken by what they tell of, so
they count only where nothing else is broken, the run only of what is not synced; and a failing health check
is broken by the workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from groundwork.model.entities import GitOpsResource, ProjectEnvironment
from groundwork.model.statuses import Status
from groundwork.operations.diagnosis import advice, cluster_links, gitlab_links, record_links, workload_links
from groundwork.operations.diagnosis.cluster_links import Context
from groundwork.operations.diagnosis.facts import EnvironmentFacts, ProjectFacts
from groundwork.operations.diagnosis.findings import Chain, Diagnosis, Link, Place, State

_TOLD = (Place.RECORD, Place.RUN)


def diagnosis(facts: ProjectFacts, now: datetime, *, every: bool) -> Diagnosis:
    """The chains of a project's environments that are not synced, or of `every` one; where there is none to
    tell of, one of the project itself."""
    case = facts.case
    if case.going:
        return Diagnosis(case.project, (_project_chain(facts, going=True),))
    chosen = [
        (environment, resources)
        for environment, resources in case.environments
        if environment.state.status is not Status.REMOVED
        and (every or environment.state.status is not Status.SYNCED)
    ]
    if not chosen:
        return Diagnosis(case.project, (_project_chain(facts, going=False),))
    return Diagnosis(case.project, tuple(_environment_chain(facts, item, own, now) for item, own in chosen))


def _project_chain(facts: ProjectFacts, *, going: bool) -> Chain:
    """Of a project that is on its way out only the record and the run are told."""
    project = facts.case.project
    links = [record_links.record(project.slug, project.state), record_links.run(facts, "")]
    if going:
        remedy = "clear its failed task in Airflow's UI, or start its DAG for this project again"
        links = [replace(link, remedy=link.remedy and remedy, repairable=False) for link in links]
    else:
        repository = gitlab_links.repository(facts)
        links += [repository, gitlab_links.commit(facts, repository)]
    return _chain(None, links, unfinished=going, synced=project.state.status is Status.SYNCED)


def _environment_chain(
    facts: ProjectFacts,
    environment: ProjectEnvironment,
    resources: Sequence[GitOpsResource],
    now: datetime,
) -> Chain:
    slug = environment.environment.slug
    seen = facts.environments.get(slug, EnvironmentFacts())
    context = Context(facts, seen, {item.kind: item for item in resources}, now)
    repository = gitlab_links.repository(facts)
    kustomization = cluster_links.kustomization(context)
    links = [
        record_links.record(slug, environment.state),
        record_links.run(facts, slug),
        repository,
        gitlab_links.commit(facts, repository),
        cluster_links.namespace(context),
        cluster_links.secret(context),
        cluster_links.source(context),
        kustomization,
        workload_links.workload(seen.workload, applied=kustomization.state is State.OK),
    ]
    synced = environment.state.status is Status.SYNCED
    return _chain(slug, links, unfinished=not synced, synced=synced)


def _chain(environment: str | None, links: Sequence[Link], *, unfinished: bool, synced: bool) -> Chain:
    links = _blamed(links)
    cause = _cause(links, synced=synced)
    if cause is None and unfinished and links[0].state is State.AFFECTED:
        only = record_links.only_recorded(links[0])
        return Chain(environment, (only, *links[1:]), only)
    if cause is not None and cause.place is not Place.RUN:
        links = [replace(link, state=State.AFFECTED) if _is_told(link) else link for link in links]
    return Chain(environment, tuple(links), cause)


def _blamed(links: Sequence[Link]) -> Sequence[Link]:
    """With a health check that fails because of a broken workload said to be affected by it."""
    workload = links[-1]
    if workload.place is not Place.WORKLOAD or workload.state is not State.BROKEN:
        return links
    return [
        replace(link, state=State.AFFECTED)
        if link.place is Place.KUSTOMIZATION and cluster_links.follows_workload(link)
        else link
        for link in links
    ]


def _cause(links: Sequence[Link], *, synced: bool) -> Link | None:
    run = next(link for link in links if link.place is Place.RUN)
    if run.state is State.WAITING:
        return run
    seen = [link for link in links if link.place not in _TOLD]
    broken = next((link for link in seen if link.state in (State.BROKEN, State.UNKNOWN)), None)
    if broken is not None:
        return broken
    if run.state is State.UNKNOWN or (run.state is State.BROKEN and not synced):
        return run
    return next((_unmade(link) for link in seen if link.state in (State.WAITING, State.ABSENT)), None)


def _unmade(link: Link) -> Link:
    """A thing that nobody is going to make, although nothing is known to have gone wrong, is broken."""
    if link.state is not State.ABSENT:
        return link
    return replace(link, state=State.BROKEN, reason="NotMade", remedy=advice.AGAIN, repairable=True)


def _is_told(link: Link) -> bool:
    return link.place in _TOLD and link.state is State.BROKEN
