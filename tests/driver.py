"""The steps of an operation in this process, in order and without Airflow, on the sandbox's real parts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from groundwork.clients.git import Git
from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import from_kubeconfig
from groundwork.errors import PermanentError, WaitingError
from groundwork.model.entities import Operation
from groundwork.operations import (
    accept,
    closing,
    environment_steps,
    failure,
    preflight,
    project_steps,
    sync,
)
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records import Records
from groundwork.settings import get_settings

CATALOG = Path(__file__).parent / "catalog"
PATIENCE = 90.0
LOOK_EVERY = 0.1


class Driver:
    """Runs operations as `initialize_project` does; `services` are the product's, with its own rights."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def request(self, *environments: str, **changes: Any) -> dict[str, Any]:
        """A request for a project of its own that syncs quickly; `changes` replace its fields."""
        slug = f"d{uuid4().hex[:8]}"
        return {
            "name": f"Project {slug}",
            "slug": slug,
            "user_id": "demo",
            "organization_id": "platform",
            "repository": {"group_path": "platform"},
            "template_id": "settings-only",
            "environment_ids": list(environments or ("dev",)),
        } | changes

    def accept(self, request: dict[str, Any]) -> UUID:
        return accept.accept(self.services, request, Run("initialize_project", uuid4().hex, "tester")).id

    def run(self, request: dict[str, Any]) -> Operation:
        """The whole operation, to its close; it may have failed."""
        operation_id = self.accept(request)
        with self.settled(operation_id):
            self.steps(operation_id)
        return self.services.records.operations.get(operation_id)

    def steps(self, operation_id: UUID) -> None:
        """Everything between acceptance and close. Raises as the steps do."""
        services = self.services
        preflight.preflight(services, operation_id)
        environments = project_steps.record_resources(services, operation_id)
        for environment in environments:
            self.patiently(environment_steps.create_namespace, operation_id, environment)
        self.patiently(project_steps.create_repository, operation_id)
        project_steps.push_template(services, operation_id)
        for environment in environments:
            environment_steps.create_credentials(services, operation_id, environment)
            environment_steps.create_git_repository(services, operation_id, environment)
            environment_steps.create_kustomization(services, operation_id, environment)
        for environment in environments:
            self.wait(operation_id, environment)
            self.patiently(sync.mark_environment_synced, operation_id, environment)
        project_steps.mark_project_synced(services, operation_id)

    def wait(self, operation_id: UUID, environment: str) -> None:
        """Wait for Flux. Raises `AssertionError` with what Flux says when it failed."""
        wait = sync.begin_wait(self.services, operation_id, environment)
        while not (seen := sync.look(self.services, wait)).final:
            if time.time() > wait.deadline:
                seen = sync.timed_out(seen)
                break
            time.sleep(LOOK_EVERY)
        if seen.outcome != "synced":
            sync.record_failure(self.services, wait, seen)
            raise sync.SyncFailed(str(seen))

    @contextmanager
    def settled(self, operation_id: UUID) -> Iterator[None]:
        """Ends the operation after the block, whatever became of it, as the DAG's teardowns do."""
        try:
            yield
        except PermanentError:
            pass
        finally:
            self.patiently(failure.apply_failure_policy, operation_id)
            closing.close_operation(self.services, operation_id)

    def patiently(self, step: Any, *arguments: Any) -> None:
        """A step that may have to wait, tried until it has not to."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                step(self.services, *arguments)
            except WaitingError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_EVERY)
            else:
                return


@contextmanager
def driver(sandbox: Any, **settings: Any) -> Iterator[Driver]:
    """A driver with the product's credentials in `sandbox`; `settings` replace Groundwork's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDWORK_CATALOG_PATHS", str(CATALOG))
        patch.setenv("GROUNDWORK_KUBECTL", sandbox.kubectl)
        for name, value in settings.items():
            patch.setenv(f"GROUNDWORK_{name.upper()}", str(value))
        get_settings.cache_clear()
        chosen = get_settings()
        gitlab = GitLab(sandbox.gitlab_url, sandbox.gitlab_token, chosen.http_timeout)
        with Records(sandbox.database_url) as records:
            yield Driver(
                Services(
                    settings=chosen,
                    records=records,
                    gitlab=gitlab,
                    git=Git(gitlab.token, chosen.git_timeout),
                    cluster=cache(
                        lambda name: from_kubeconfig(name, sandbox.product_kubeconfig, chosen.http_timeout)
                    ),
                )
            )
    get_settings.cache_clear()
