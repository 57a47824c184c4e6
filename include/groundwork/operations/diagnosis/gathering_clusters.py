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
from groundwork.model.entities import GitOpsResource, Kind, ProjectEnvironment
from groundwork.operations.diagnosis import cluster_links
from groundwork.operations.diagnosis.facts import EnvironmentFacts, Workload
from groundwork.operations.services import Services
from groundwork.records.cases import Case
from groundwork.resources import git_repository, guardrails, kustomization, namespace, ownership
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
            pool.submit(
                _look, services, case, environment, resources, listed[environment.environment.cluster]
            ),
        )
        for case in cases
        for environment, resources in case.environments
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
    services: Services,
    case: Case,
    environment: ProjectEnvironment,
    resources: Sequence[GitOpsResource],
    listed: _Listed,
) -> EnvironmentFacts:
    if listed.error is not None:
        return EnvironmentFacts(error=listed.error)
    try:
        cluster = services.cluster(environment.environment.cluster)
        found = {item.kind: _find(cluster, item, listed.items) for item in resources}
        applied = found.get(Kind.KUSTOMIZATION)
        return EnvironmentFacts(
            namespace=found.get(Kind.NAMESPACE),
            missing_guardrails=_missing(case, environment, listed.items),
            secret=found.get(Kind.CREDENTIALS),
            source=found.get(Kind.GIT_REPOSITORY),
            kustomization=applied,
            workload=None
            if applied is None or cluster_links.healthy(applied)
            else _workload(cluster, applied, environment.namespace),
        )
    except GroundworkError as error:
        return EnvironmentFacts(error=error)


def _find(cluster: Cluster, recorded: GitOpsResource, listed: dict[_Key, Manifest]) -> Manifest | None:
    """The object of a recorded resource. What was made and is in no list may yet be there, without marks."""
    reference = _reference(recorded)
    if reference is None:
        return None
    return listed.get(_key(reference)) or (cluster.get(reference) if recorded.created_by_us else None)


def _reference(recorded: GitOpsResource) -> Manifest | None:
    match recorded.kind:
        case Kind.NAMESPACE:
            return namespace.reference(recorded.namespace)
        case Kind.CREDENTIALS:
            metadata = {"name": recorded.name, "namespace": recorded.namespace}
            return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        case Kind.GIT_REPOSITORY:
            return git_repository.reference(recorded.namespace, recorded.name)
        case Kind.KUSTOMIZATION:
            return kustomization.reference(recorded.namespace, recorded.name)
        case Kind.GUARDRAILS:
            return None


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
