"""What the records' tests start from: an organization with a user and two environments, and ways to ask."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from groundwork.model.entities import Environment, Kind, Observation, Operation, OperationKind
from groundwork.model.statuses import Status
from groundwork.records import Records
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec

TABLES = {
    *("organizations", "users", "memberships", "environments", "projects", "repositories"),
    *("project_environments", "gitops_resources", "operations", "operation_steps", "leases", "audit_events"),
    *("reconcile_passes", "findings"),
}
SHA = "5f2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b"


def seen(status: Status, message: str = "", reason: str = "Observed") -> Observation:
    """An observation that says as much as `status` needs."""
    revision = SHA if status is Status.SYNCED else None
    return Observation(status, reason, message or f"it is {status}", revision=revision)


class World:
    """The organization `platform` with its member `demo` and the environments `dev` and `prod`."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.records = Records(dsn)
        directory = self.records.directory
        self.organization = directory.ensure_organization("platform", "Platform")
        self.user = directory.ensure_user("demo", "Demo")
        directory.ensure_membership(self.organization.id, self.user.id)
        self.dev = directory.ensure_environment(self.organization.id, "dev", "Development", "cluster_a")
        self.prod = directory.ensure_environment(self.organization.id, "prod", "Production", "cluster_a")

    def project(self, slug: str = "billing", **changes: Any) -> ProjectSpec:
        values = {
            "organization_id": self.organization.id,
            "slug": slug,
            "name": "Billing",
            "template_id": "web-service",
            "template_version": "1.0.0",
        }
        return ProjectSpec(**{**values, **changes})

    def run(self, run_id: str = "run-1", **changes: Any) -> RunSpec:
        values = {
            "kind": OperationKind.INITIALIZE,
            "dag_id": "initialize_project",
            "run_id": run_id,
            "requested_by": self.user.id,
            "lease_seconds": 60.0,
        }
        return RunSpec(**{**values, **changes})

    def open(self, slug: str = "billing", run_id: str = "run-1", **changes: Any) -> Operation:
        return self.records.operations.open(self.project(slug), self.run(run_id, **changes))

    def repository(self, slug: str = "billing", **changes: Any) -> RepositorySpec:
        values = {"path": f"platform/{slug}", "visibility": "private", "default_branch": "main"}
        return RepositorySpec(**{**values, **changes})

    def environment(self, environment: Environment, slug: str = "billing") -> EnvironmentSpec:
        namespace = f"project-{slug}-{environment.slug}"
        return EnvironmentSpec(environment, namespace, [(kind, namespace) for kind in Kind])

    def record(self, operation: Operation, slug: str = "billing") -> list[UUID]:
        """Records the project with both environments; the ids are those of `dev` and `prod`."""
        environments = [self.environment(self.dev, slug), self.environment(self.prod, slug)]
        return self.records.resources.record(
            operation.id, operation.project_id, self.repository(slug), environments
        )

    def recorded(self, slug: str = "billing", run_id: str = "run-1") -> tuple[Operation, list[UUID]]:
        operation = self.open(slug, run_id)
        return operation, self.record(operation, slug)

    def sync_repository(self, project_id: UUID, gitlab_id: int = 7) -> None:
        self.records.observations.repository_observed(
            project_id,
            seen(Status.SYNCED),
            gitlab_id=gitlab_id,
            http_url="https://git.example.com/platform/billing.git",
            web_url="https://git.example.com/platform/billing",
            created_by_us=True,
        )

    def sync_environment(self, project_environment_id: UUID) -> None:
        for kind in Kind:
            self.records.observations.resource_observed(project_environment_id, kind, seen(Status.SYNCED))

    def state(self, slug: str = "billing") -> Observation:
        project = self.records.projects.find(slug)
        assert project is not None
        return project.state
