"""The operations on a project that exists, in this process, in the order of their DAGs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from groundwork.errors import PermanentError
from groundwork.model.entities import Operation, Project
from groundwork.operations import backup, decommission, decommission_steps, restoration, retirement
from groundwork.operations.resolution import Run
from tests.driver import Driver

BEFORE = (decommission_steps.suspend_flux,)
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

    def states(self, project: Project) -> dict[str, str]:
        """Status of the project, its repository and each of its environments."""
        found = {item.environment.slug: str(item.state.status) for item in self.environments(project)}
        recorded = self.records.resources.repository(project.id)
        whole = self.records.projects.get(project.id)
        return {"project": str(whole.state.status), "repository": str(recorded.state.status), **found}

    def environments(self, project: Project) -> list[Any]:
        found: list[Any] = self.records.resources.environments_of(project.id)
        return found
