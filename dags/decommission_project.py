"""# Decommission a project

Removes a project, or some of its environments, in an order in which nothing is lost on the way.

```
accept_request → check → record_removal → suspend_flux[*] → freeze_repository → back_up
→ environment[*]: remove_kustomization → remove_source → remove_credentials → remove_namespace
→ retire_repository → mark_removed → close_operation (always)
```

**What is not the project's stays.** Before anything is changed, `check` looks into the namespaces: what is
in them and was put there by neither Groundwork nor Flux stops the run, unless the request lets it go. A
repository in which others have committed is archived rather than deleted; one that Groundwork adopted only
loses its marks.

**It waits without holding a worker.** Each removal is tried again until what it removes is gone. What does
not go in time fails, with the object and the finalizer that hold it. Correct that and clear the task, or
trigger the DAG again: each step looks at what is there and goes on.

**It can be undone** by `restore_project`, until GitLab has deleted the repository for good.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task_group

from groundwork.model.lifecycle import DecommissionRequest
from groundwork.orchestration.deadlines import run_deadline
from groundwork.orchestration.defaults import DEFAULT_ARGS, LABEL
from groundwork.orchestration.events import run_failed
from groundwork.orchestration.params import params_of
from groundwork.orchestration.tasks import environment_task, project_task, repository_task

# A step that waits ends itself at the setting `removal_deadline`, before it has used up these.
WAITS = {"map_index_template": LABEL, "retries": 2000}


@project_task
def accept_request(params: Any = None, dag_run: Any = None) -> str:
    """Check the request, open the operation and take the project's lease."""
    from groundwork.orchestration import decommission_steps

    return decommission_steps.accept_request(params, dag_run)


@project_task
def check(operation_id: str) -> str:
    """Look, without writing, for what would be lost and is not the project's; hands the operation on."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_project_step("check", operation_id)
    return operation_id


@project_task
def record_removal(operation_id: str) -> list[str]:
    """Record everything that is to go as `removing`, in one transaction."""
    from groundwork.orchestration import decommission_steps

    return decommission_steps.record_removal(operation_id)


# A task that is mapped by itself does not take its description from the docstring.
@environment_task(doc_md="Suspend Flux, so that nothing more is applied.", **WAITS)
def suspend_flux(operation_id: str, environment: str) -> None:
    """Suspend Flux, so that nothing more is applied."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_environment_step("suspend_flux", operation_id, environment)


@repository_task(trigger_rule="none_failed")
def freeze_repository(operation_id: str) -> None:
    """Stop pushes to a repository that is going to be put away, by archiving it."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_project_step("freeze_repository", operation_id)


@repository_task(execution_timeout=timedelta(hours=1))
def back_up(operation_id: str) -> None:
    """Store repository, manifests and records, if the request wants it."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_project_step("back_up", operation_id)


@environment_task(**WAITS)
def remove_kustomization(operation_id: str, environment: str) -> None:
    """Remove the Flux Kustomization, and wait until Flux has pruned what it had applied."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_environment_step("remove_kustomization", operation_id, environment)


@environment_task(**WAITS)
def remove_source(operation_id: str, environment: str) -> None:
    """Remove the Flux GitRepository."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_environment_step("remove_source", operation_id, environment)


@environment_task(**WAITS)
def remove_credentials(operation_id: str, environment: str) -> None:
    """Remove the Secret and revoke the deploy tokens."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_environment_step("remove_credentials", operation_id, environment)


@environment_task(**WAITS)
def remove_namespace(operation_id: str, environment: str) -> None:
    """Remove the namespace, and wait until it is gone."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_environment_step("remove_namespace", operation_id, environment)


@repository_task(trigger_rule="none_failed", retries=60)
def retire_repository(operation_id: str) -> None:
    """Archive, delete, unmark or keep the repository."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_project_step("retire_repository", operation_id)


@project_task
def mark_removed(operation_id: str) -> None:
    """Make sure that all of it is recorded as removed, and leave the tombstone."""
    from groundwork.orchestration import decommission_steps

    decommission_steps.run_project_step("mark_removed", operation_id)


@project_task
def close_operation(operation_id: str) -> str:
    """Record how the operation ended and give the lease back."""
    from groundwork.orchestration import decommission_steps

    return decommission_steps.close_operation(operation_id)


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=16,
    dagrun_timeout=timedelta(hours=24),
    deadline=run_deadline(),
    on_failure_callback=run_failed,
    tags=["groundwork"],
    default_args=DEFAULT_ARGS,
    params=params_of(DecommissionRequest),
    doc_md=__doc__,
)
def decommission_project() -> None:
    operation = accept_request()
    checked = check(operation)
    recorded = record_removal(operation)
    suspended = suspend_flux.partial(operation_id=operation).expand(environment=recorded)
    # Their trigger rule, for a project without environments, is not allowed right after a setup task.
    frozen, retired = freeze_repository(checked), retire_repository(checked)
    stored = back_up(operation)
    finished = mark_removed(operation)
    closed = close_operation(operation).as_teardown(setups=operation)

    @task_group(group_id="environment")
    def remove_environment(operation_id: str, environment: str) -> None:
        of_environment = {"operation_id": operation_id, "environment": environment}
        kustomization = remove_kustomization(**of_environment)
        source = remove_source(**of_environment)
        credentials = remove_credentials(**of_environment)
        space = remove_namespace(**of_environment)
        kustomization >> source >> credentials >> space
        space >> closed

    environments = remove_environment.partial(operation_id=operation).expand(environment=recorded)
    checked >> recorded >> suspended >> frozen >> stored >> environments >> retired >> finished
    # With this and the last step of each environment, every step has ended when the operation is closed.
    finished >> closed


decommission_project()
