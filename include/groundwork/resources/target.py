"""What the cluster-side resources of one environment are computed from. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.clients.kubernetes import Manifest
from groundwork.errors import Misconfigured
from groundwork.model.entities import Project, ProjectEnvironment, Repository
from groundwork.resources import ownership


@dataclass(frozen=True)
class Pace:
    """How often Flux looks, retries and how long it waits for health. Seconds."""

    interval: float
    retry_interval: float
    timeout: float


@dataclass(frozen=True)
class Target:
    """One environment of one project, with all that its objects are made of."""

    project: Project
    repository: Repository
    environment: ProjectEnvironment
    pace: Pace

    @property
    def namespace(self) -> str:
        return self.environment.namespace

    @property
    def labels(self) -> dict[str, str]:
        return ownership.labels(self.project.id, self.project.slug, self.environment.environment.slug)

    @property
    def repository_url(self) -> str:
        """The HTTP URL Flux fetches from. Raises `Misconfigured` before the repository exists."""
        if self.repository.http_url is None:
            raise Misconfigured(
                f"Repository {self.repository.path} has no URL yet: create_repository has not run."
            )
        return self.repository.http_url

    def manifest(self, api_version: str, kind: str, name: str, **content: object) -> Manifest:
        """A namespaced object that carries the project's labels."""
        return {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, "labels": self.labels},
            **content,
        }
