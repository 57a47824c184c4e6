"""What carries Groundwork's marks and no record claims. It is told and never touched. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from groundwork.clients.kubernetes import Manifest
from groundwork.model.changes import System
from groundwork.model.findings import Finding, FindingClass
from groundwork.model.statuses import Status
from groundwork.operations.reconcile.observation import View
from groundwork.records.inventory import RecordedProject
from groundwork.resources import ownership, repository

_WHAT_TO_DO = "remove it, or restore the records that know it"


@dataclass(frozen=True)
class Orphan:
    """`marked` is the id of the project it is marked with, as it is written there."""

    finding: Finding
    marked: str


def orphans(recorded: Sequence[RecordedProject], view: View) -> list[Orphan]:
    """Everything nobody claims among what was seen, if `recorded` is all there is."""
    return [*_repositories(recorded, view), *_namespaces(recorded, view)]


def unclaimed(
    found: Sequence[Orphan], projects: set[UUID], namespaces: set[tuple[str, str, UUID]]
) -> list[Finding]:
    """Those that are still nobody's, by what is recorded after they were seen: a project that was begun
    meanwhile claims its own."""
    begun = {str(project_id) for project_id in projects}
    claimed = {(cluster, name, str(project_id)) for cluster, name, project_id in namespaces}
    return [
        item.finding
        for item in found
        if (item.finding.place, item.finding.name, item.marked) not in claimed
        and (item.finding.project_id is not None or item.marked not in begun)
    ]


def _repositories(recorded: Sequence[RecordedProject], view: View) -> Iterator[Orphan]:
    claimed = {item.project.id: item.repository for item in recorded}
    for found in view.gitlab.projects.values():
        marked = ownership.project_of_topics(found.topics)
        if marked is None or found.deletion_date:
            continue
        known = claimed.get(marked)
        if known is not None and known.gitlab_id in (None, found.id):
            continue
        owner = marked if marked in claimed else None
        message = _message("it", str(marked), owner)
        yield Orphan(
            Finding(FindingClass.ORPHAN, System.GITLAB, repository.KIND, found.path, message, owner),
            str(marked),
        )


def _namespaces(recorded: Sequence[RecordedProject], view: View) -> Iterator[Orphan]:
    """One per namespace and project, whatever number of objects."""
    claimed = {
        (item.environment.environment.cluster, item.environment.namespace): str(project.project.id)
        for project in recorded
        for item in project.environments
        if item.environment.state.status is not Status.REMOVED
    }
    projects = {str(item.project.id): item.project.id for item in recorded}
    for cluster, seen in view.clusters.items():
        for (place, marked), objects in _grouped(seen.objects.values()).items():
            if claimed.get((cluster, place)) == marked:
                continue
            owner = projects.get(marked)
            things = ", ".join(sorted(f"{item['kind']}/{item['metadata']['name']}" for item in objects))
            message = _message(things, marked, owner)
            yield Orphan(
                Finding(
                    FindingClass.ORPHAN, System.CLUSTER, "Namespace", place, message, owner, place=cluster
                ),
                marked,
            )


def _grouped(objects: Iterable[Manifest]) -> Mapping[tuple[str, str], list[Manifest]]:
    found: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    for item in objects:
        metadata = item["metadata"]
        place = metadata.get("namespace") or metadata["name"]
        found[place, metadata["labels"][ownership.PROJECT_ID_LABEL]].append(item)
    return found


def _message(things: str, marked: str, owner: UUID | None) -> str:
    claim = "does not claim it" if owner else "is not in the records"
    return f"{things}: marked as project {marked}'s, which {claim}; {_WHAT_TO_DO}"
