"""What a reconcile pass saw of recorded things, beside what is recorded of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from groundwork.model.entities import GitOpsResource, Observation, Project, Repository


@dataclass(frozen=True)
class ResourceSighting:
    """A cluster resource as it was seen; `external_id` is what it has now, None if it is not there."""

    resource: GitOpsResource
    seen: Observation
    external_id: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether the records say something else."""
        known = self.resource
        return differs(self.seen, known.state) or self.external_id not in (None, known.external_id)


@dataclass(frozen=True)
class RepositorySighting:
    """A repository as it was seen, with what GitLab says of it where the records do not know it."""

    repository: Repository
    seen: Observation
    gitlab_id: int | None = None
    http_url: str | None = None
    web_url: str | None = None
    created_by_us: bool = False

    @property
    def is_news(self) -> bool:
        """Whether the records say something else."""
        known = self.repository
        return differs(self.seen, known.state) or self.gitlab_id not in (None, known.gitlab_id)


@dataclass(frozen=True)
class ProjectSighting:
    """Everything that was seen of a project."""

    project: Project
    repository: RepositorySighting | None = None
    resources: list[ResourceSighting] = field(default_factory=list)

    @property
    def is_news(self) -> bool:
        """Whether the records say something else of any part."""
        repository = self.repository is not None and self.repository.is_news
        return repository or any(item.is_news for item in self.resources)


def differs(seen: Observation, known: Observation) -> bool:
    """Whether two observations say different things, whenever made; no revision is no news of it."""
    revision = seen.revision or known.revision
    return (seen.status, seen.reason, seen.message, revision) != (
        known.status,
        known.reason,
        known.message,
        known.revision,
    )
