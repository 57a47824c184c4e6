"""The tasks that bring one environment of a project up to `synced`, for every DAG that makes environments."""

from __future__ import annotations

from typing import Any

from airflow.sdk import task_group

from groundwork.orchestration.defaults import LABEL
from groundwork.orchestration.sensor import FluxSyncSensor
from groundwork.orchestration.tasks import environment_task


@environment_task(map_index_template=LABEL)
def create_namespace(operation_id: str, environment: str) -> None:
    """Create the namespace with its guardrails: identity for Flux, quota, closed network."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_namespace", operation_id, environment)


@environment_task(map_index_template=LABEL)
def create_credentials(operation_id: str, environment: str) -> None:
    """Create a read-only deploy token and put it into the namespace."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_credentials", operation_id, environment)


@environment_task(map_index_template=LABEL)
def create_git_repository(operation_id: str, environment: str) -> None:
    """Create the Flux GitRepository."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_git_repository", operation_id, environment)


@environment_task(map_index_template=LABEL)
def create_kustomization(operation_id: str, environment: str) -> None:
    """Create the Flux Kustomization."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_kustomization", operation_id, environment)


@environment_task(map_index_template=LABEL)
def mark_environment_synced(operation_id: str, environment: str) -> None:
    """Record the commit that Flux has applied."""
    from groundwork.orchestration import steps

    steps.run_environment_step("mark_environment_synced", operation_id, environment)


def make_environments(operation: Any, recorded: Any, *, repository: Any, content: Any, settled: Any) -> Any:
    """The mapped task group `environment`, over the slugs that `recorded` answers.

    Credentials wait for the task `repository`, Flux's objects for the task `content`. Whatever fails, all of
    it has ended before the teardown `settled`.
    """

    @task_group(group_id="environment")
    def make_environment(operation_id: str, environment: str) -> None:
        of_environment = {"operation_id": operation_id, "environment": environment}
        namespace = create_namespace(**of_environment)
        credentials = create_credentials(**of_environment)
        source = create_git_repository(**of_environment)
        kustomization = create_kustomization(**of_environment)
        synced = FluxSyncSensor(
            task_id="wait_until_synced", map_index_template="{{ task.environment }}", **of_environment
        )
        marked = mark_environment_synced(**of_environment)
        [namespace, repository] >> credentials
        [credentials, content] >> source >> kustomization >> synced >> marked
        [namespace, credentials, marked] >> settled

    return make_environment.partial(operation_id=operation).expand(environment=recorded)
