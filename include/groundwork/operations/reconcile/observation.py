"""What is there: GitLab's projects and the clusters' objects, by a few requests per hundred projects.

A system that does not answer, answers something else than it was asked for, or leaves out what is there, is
seen as incomplete: `problem` says why, and nothing may be concluded from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from groundwork.clients.gitlab import GitLabProject
from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import GroundworkError
from groundwork.model.entities import Kind
from groundwork.model.statuses import Status
from groundwork.operations.reconcile.desired import desired, target_of
from groundwork.operations.services import Services
from groundwork.records.inventory import RecordedProject
from groundwork.resources import git_repository, kustomization, ownership
from groundwork.settings import Settings

Key = tuple[str, str, str]
"""Kind, namespace (empty for a Namespace) and name of an object."""

SECRET = "Secret"  # noqa: S105 - a kind
KINDS = (
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", SECRET),
    (git_repository.API_VERSION, git_repository.KIND),
    (kustomization.API_VERSION, kustomization.KIND),
)
"""Every kind Groundwork makes in a cluster."""

_EXPECTED = (Status.APPLIED, Status.SYNCED)


@dataclass(frozen=True)
class GitLabView:
    """GitLab's projects that carry `topic`, by id; `problem` is why they are not all."""

    topic: str = ownership.TOPIC
    projects: Mapping[int, GitLabProject] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True)
class ClusterView:
    """A cluster's objects that belong to projects; `problem` is why they are not all."""

    name: str
    objects: Mapping[Key, Manifest] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True)
class View:
    """All systems as one pass saw them; `clusters` are by connection id."""

    gitlab: GitLabView
    clusters: Mapping[str, ClusterView]

    @property
    def problems(self) -> list[str]:
        """What could not be seen as a whole."""
        problems = (self.gitlab.problem, *(view.problem for view in self.clusters.values()))
        return [problem for problem in problems if problem]


def key_of(manifest: Manifest) -> Key:
    """By what an object is found in a view."""
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def observe(
    services: Services, recorded: Sequence[RecordedProject], clusters: Iterable[str], lone: UUID | None = None
) -> View:
    """List everything there is of projects, or of the `lone` one; side by side, a thread per system."""
    topic = ownership.topics(lone)[1] if lone else ownership.TOPIC
    selector = f"{ownership.PROJECT_ID_LABEL}={lone}" if lone else ownership.OWNED_SELECTOR
    expected = 0 if lone else sum(map(has_repository, recorded))
    samples = _samples(services.settings, recorded)
    with ThreadPoolExecutor() as pool:
        projects = pool.submit(_gitlab, services, topic, expected)
        objects = {
            name: pool.submit(_cluster, services, name, selector, samples.get(name, ())) for name in clusters
        }
        return View(projects.result(), {name: item.result() for name, item in objects.items()})


def has_repository(recorded: RecordedProject) -> bool:
    """Whether the project's repository was made, and was not removed."""
    repository = recorded.repository
    gone = (Status.REMOVING, Status.REMOVED)
    return repository is not None and repository.gitlab_id is not None and repository.state.status not in gone


def _gitlab(services: Services, topic: str, expected: int) -> GitLabView:
    try:
        found = {item.id: item for item in services.gitlab.projects.owned(topic)}
    except GroundworkError as error:
        return GitLabView(topic, problem=error.message)
    if expected and not found:
        return GitLabView(
            topic,
            problem=f"GitLab lists none of {expected} recorded repositories: its answer was wrong, or"
            " Groundwork's token has lost its rights. If they are gone indeed, look at one project alone.",
        )
    return GitLabView(topic, found)


def _cluster(services: Services, name: str, selector: str, samples: Sequence[Manifest]) -> ClusterView:
    objects: dict[Key, Manifest] = {}
    try:
        cluster = services.cluster(name)
        for api_version, kind in KINDS:
            listed = cluster.list(api_version, kind, selector, metadata_only=kind == SECRET)
            found = {key_of(item): _trimmed(item) for item in listed}
            if not found:
                _doubt(cluster, kind, samples)
            objects.update(found)
    except GroundworkError as error:
        return ClusterView(name, problem=error.message)
    return ClusterView(name, objects)


class _Lying(GroundworkError):
    """A listing leaves out what is there."""


def _doubt(cluster: Cluster, kind: str, samples: Sequence[Manifest]) -> None:
    """An empty listing is believed only if what is recorded is not there either when asked for by name."""
    for sample in samples:
        if sample["kind"] != kind:
            continue
        found = cluster.get(sample)
        if found is not None and ownership.PROJECT_ID_LABEL in (found["metadata"].get("labels") or {}):
            raise _Lying(f"Cluster {cluster.name} lists no {kind} of any project, and yet has one.")


def _samples(settings: Settings, recorded: Sequence[RecordedProject]) -> dict[str, list[Manifest]]:
    """Per cluster, the objects of one environment that should be there."""
    found: dict[str, list[Manifest]] = {}
    for project in recorded:
        for environment in project.environments:
            cluster = environment.environment.environment.cluster
            kinds = {
                kind for kind, resource in environment.resources.items() if resource.state.status in _EXPECTED
            }
            target = target_of(settings, project, environment)
            if cluster not in found and target is not None and kinds == set(Kind):
                found[cluster] = [manifest for kind, manifest in desired(target)]
    return found


def _trimmed(item: Manifest) -> Manifest:
    """An object without what is large and never compared: who has set which field."""
    item["metadata"].pop("managedFields", None)
    return item
