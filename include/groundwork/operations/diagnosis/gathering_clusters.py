"""Looking at the clusters.

Each kind is listed by the projects' ids, fifty at a time; pods and events only of the namespaces where Flux
does not find everything healthy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from uuid import UUID

from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import GroundworkError
from groundwork.model.entities import ProjectEnvironment
from groundwork.operations.diagnosis import cluster_links
from groundwork.operations.diagnosis.facts import EnvironmentFacts, Workload
from groundwork.operations.services import Services
from groundwork.records.cases import Case
from groundwork.resources import credentials, git_repository, guardrails, kustomization, namespace, ownership
from groundwork.resources.target import Pace, Target

_TOGETHER = 50  # ids in one selector, which travels in the URL
_SECRET = ("v1", "Secret")
_SPACE = ("v1", "Namespace")
_SOURCE = (git_repository.API_VERSION, git_repository.KIND)
_KUSTOMIZATION = (kustomization.API_VERSION, kustomization.KIND)
_WHOLE = (_SOURCE, _KUSTOMIZATION)  # of the others the metadata tells enough
_CONTROLLERS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
}
_MAKES = {"CronJob": "Job"}
_Key = tuple[str, str, str]
"""Kind, namespace and name; a namespace lies in none."""


@dataclass
class _Listed:
    """What a cluster holds of the projects."""

    items: dict[_Key, Manifest] = field(default_factory=dict)
    error: GroundworkError | None = None


def environments(
    services: Services, pool: Executor, cases: Sequence[Case]
) -> dict[UUID, dict[str, EnvironmentFacts]]:
    """What is seen of each project's environments, by its id and their slugs."""
    ids: dict[str, set[UUID]] = defaultdict(set)
    for case in cases:
        for environment, _ in case.environments:
            ids[environment.environment.cluster].add(case.project.id)
    listed = {name: _list(services, pool, name, sorted(found)) for name, found in ids.items()}
    looked = [
        (
            case.project.id,
            environment.environment.slug,
            pool.submit(_look, services, case, environment, listed[environment.environment.cluster]),
        )
        for case in cases
        for environment, _ in case.environments
    ]
    found: dict[UUID, dict[str, EnvironmentFacts]] = {case.project.id: {} for case in cases}
    for project_id, slug, answer in looked:
        found[project_id][slug] = answer.result()
    return found


def _list(services: Services, pool: Executor, name: str, ids: Sequence[UUID]) -> _Listed:
    try:
        cluster = services.cluster(name)
        answers = [
            pool.submit(_list_kind, cluster, kind, part)
            for part in _parts(ids)
            for kind in (_SPACE, _SECRET, *_WHOLE, *guardrails.KINDS)
        ]
        return _Listed({_key(item): item for answer in answers for item in answer.result()})
    except GroundworkError as error:
        return _Listed(error=error)


def _parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[start : start + _TOGETHER] for start in range(0, len(ids), _TOGETHER)]


def _list_kind(cluster: Cluster, kind: tuple[str, str], ids: Iterable[UUID]) -> list[Manifest]:
    selector = f"{ownership.PROJECT_ID_LABEL} in ({','.join(map(str, ids))})"
    return list(cluster.list(*kind, selector, metadata_only=kind not in _WHOLE))


def _look(
    services: Services, case: Case, environment: ProjectEnvironment, listed: _Listed
) -> EnvironmentFacts:
    if listed.error is not None:
        return EnvironmentFacts(error=listed.error)
    try:
        return _seen(services.cluster(environment.environment.cluster), case, environment, listed.items)
    except GroundworkError as error:
        return EnvironmentFacts(error=error)


def _seen(
    cluster: Cluster, case: Case, environment: ProjectEnvironment, listed: dict[_Key, Manifest]
) -> EnvironmentFacts:
    space = listed.get(("Namespace", "", environment.namespace))
    # Without our marks it is in no list, and may yet be there.
    space = space or cluster.get(namespace.reference(environment.namespace))
    if space is None:
        return EnvironmentFacts()
    place, slug = environment.namespace, case.project.slug
    references = {
        "Secret": {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": credentials.SECRET, "namespace": place},
        },
        git_repository.KIND: git_repository.reference(place, slug),
        kustomization.KIND: kustomization.reference(place, slug),
    }
    found = {kind: listed.get(_key(item)) or cluster.get(item) for kind, item in references.items()}
    applied = found[kustomization.KIND]
    return EnvironmentFacts(
        namespace=space,
        missing_guardrails=_missing(case, environment, listed),
        secret=found["Secret"],
        source=found[git_repository.KIND],
        kustomization=applied,
        workload=None
        if applied is None or cluster_links.healthy(applied)
        else _workload(cluster, applied, place),
    )


def _workload(cluster: Cluster, applied: Manifest, place: str) -> Workload:
    """Pods and warnings of a namespace, and the controllers of the kinds that Flux says it has applied."""
    entries = (applied["status"].get("inventory") or {}).get("entries") or ()
    kinds = {entry["id"].rpartition("_")[2] for entry in entries}
    kinds = {_MAKES.get(kind, kind) for kind in kinds} & set(_CONTROLLERS)
    return Workload(
        controllers=tuple(
            item for kind in sorted(kinds) for item in cluster.list(_CONTROLLERS[kind], kind, namespace=place)
        ),
        pods=tuple(cluster.list("v1", "Pod", namespace=place)),
        warnings=tuple(
            event for event in cluster.list("v1", "Event", namespace=place) if event.get("type") == "Warning"
        ),
    )


def _missing(case: Case, environment: ProjectEnvironment, listed: dict[_Key, Manifest]) -> tuple[str, ...]:
    if case.repository is None:
        return ()
    target = Target(case.project, case.repository, environment, Pace(0, 0, 0))
    wanted = [_key(item) for item in guardrails.desired(target)]
    return tuple(f"{kind}/{name}" for kind, place, name in wanted if (kind, place, name) not in listed)


def _key(item: Manifest) -> _Key:
    return item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]
