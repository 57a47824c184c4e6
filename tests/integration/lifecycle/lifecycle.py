"""The operations on a project that exists, in this process, in the order of their DAGs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from groundwork.errors import PermanentError
from groundwork.model.entities import Operation, Project
from groundwork.operations import (
    backup,
    closing,
    decommission,
    decommission_steps,
    environment_steps,
    extension,
    preflight,
    project_steps,
    restoration,
    retirement,
    sync,
)
from groundwork.operations.resolution import Run
from tests.driver import Driver

REMOVALS = (
    decommission_steps.remove_kustomization,
    decommission_steps.remove_source,
    decommission_steps.remove_credentials,
    decommission_steps.remove_namespace,
)


@dataclass
class Lifecycle:
    """Runs operations; `driver` makes the projects they are about."""

    driver: Driver

    @property
    def records(self) -> Any:
        return self.driver.services.records

    def impatient(self, seconds: float) -> Lifecycle:
        """One that gives each removal only so long."""
        services = self.driver.services
        settings = services.settings.model_copy(update={"removal_deadline": seconds})
        return Lifecycle(Driver(replace(services, settings=settings)))

    def project(self, *environments: str, **changes: Any) -> Project:
        """A synced project."""
        operation = self.driver.run(self.driver.request(*environments, **changes))
        assert operation.status == "succeeded", operation.message
        found: Project = self.records.projects.get(operation.project_id)
        return found

    def accept(self, project: Project, **request: Any) -> UUID:
        values = {"project_id": project.slug, "user_id": "demo", **request}
        run = Run("decommission_project", uuid4().hex, "tester")
        return decommission.accept(self.driver.services, values, run).id

    def decommission(self, project: Project, **request: Any) -> Operation:
        """The whole operation, to its close; it may have failed."""
        operation_id = self.accept(project, **request)
        with contextlib.suppress(PermanentError):
            self.remove(operation_id)
        return self.close(operation_id)

    def remove(self, operation_id: UUID) -> None:
        """Everything between acceptance and close. Raises as the steps do."""
        services, patiently = self.driver.services, self.driver.patiently
        decommission.check(services, operation_id)
        environments = decommission.record_removal(services, operation_id)
        for environment in environments:
            decommission_steps.suspend_flux(services, operation_id, environment)
        retirement.freeze_repository(services, operation_id)
        backup.back_up(services, operation_id)
        for environment in environments:
            for step in REMOVALS:
                patiently(step, operation_id, environment)
        patiently(retirement.retire_repository, operation_id)
        decommission.mark_removed(services, operation_id)

    def close(self, operation_id: UUID) -> Operation:
        return decommission.close(self.driver.services, operation_id)

    def restore(self, project: Project, **request: Any) -> Operation:
        """The request that takes a project back, and the run of `initialize_project` it is for."""
        values = {"project_id": project.slug, "user_id": "demo", **request}
        run = Run("restore_project", uuid4().hex, "tester")
        return self.driver.run(restoration.restoration(self.driver.services, values, run))

    def extend(self, project: Project, *environments: str) -> Operation:
        """The whole operation that adds environments, to its close; it may have failed."""
        services, patiently = self.driver.services, self.driver.patiently
        values = {"project_id": project.slug, "user_id": "demo", "environment_ids": list(environments)}
        operation_id = extension.accept(services, values, Run("add_environments", uuid4().hex, "tester")).id
        with contextlib.suppress(PermanentError):
            preflight.preflight(services, operation_id)
            added = project_steps.record_resources(services, operation_id)
            patiently(project_steps.create_repository, operation_id)
            patiently(extension.push_overlays, operation_id)
            for environment in added:
                self.bring_up(operation_id, environment)
            project_steps.mark_project_synced(services, operation_id)
        return closing.close_operation(services, operation_id)

    def bring_up(self, operation_id: UUID, environment: str) -> None:
        """One environment, from its namespace until it is synced."""
        services = self.driver.services
        self.driver.patiently(environment_steps.create_namespace, operation_id, environment)
        environment_steps.create_credentials(services, operation_id, environment)
        environment_steps.create_git_repository(services, operation_id, environment)
        environment_steps.create_kustomization(services, operation_id, environment)
        self.driver.wait(operation_id, environment)
        self.driver.patiently(sync.mark_environment_synced, operation_id, environment)

    def states(self, project: Project) -> dict[str, str]:
        """Status of the project, its repository and each of its environments."""
        found = {item.environment.slug: str(item.state.status) for item in self.environments(project)}
        recorded = self.records.resources.repository(project.id)
        whole = self.records.projects.get(project.id)
        return {"project": str(whole.state.status), "repository": str(recorded.state.status), **found}

    def environments(self, project: Project) -> list[Any]:
        found: list[Any] = self.records.resources.environments_of(project.id)
        return found
