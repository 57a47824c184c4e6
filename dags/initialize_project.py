"""# Initialize a project

One request becomes a running project, and nothing is called `synced` before Flux has applied the commit.

```
accept_request → preflight → record_resources ┬→ create_repository ┬→ push_template ──────────┐
                                              │                    └┐                         │
                                              └→ create_namespace[*] ┴→ create_credentials[*] ┴→
   environment[*]: create_git_repository → create_kustomization
                   → wait_until_synced → mark_environment_synced
→ mark_project_synced → apply_failure_policy → close_operation (both always)
```

**Trigger it** with the form, with `groundwork request`, or over the REST API; every field is explained in the
form. A request that breaks a rule fails before anything is made and says which field and why.

**Run it again** at any time: clear a failed task, or trigger with the `project_id` of an existing project.
Each step looks at what exists first, goes on with what is the project's own and touches nothing else.

Environments run side by side; one that fails neither stops nor hides the others. What becomes of what was
made when the run fails is the request's `on_failure`: kept, rolled back, or put into quarantine. A `dry_run`
only prints the plan, in its first task.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, dag, task, task_group

from groundwork.orchestration.events import PROJECT_SYNCED, deadline_missed, run_failed
from groundwork.orchestration.params import request_params
from groundwork.orchestration.retry import GroundworkRetryPolicy
from groundwork.orchestration.sensor import FluxSyncSensor

LABEL = "{{ task.op_kwargs['environment'] }}"
DEFAULT_ARGS = {
    "owner": "groundwork",
    "retries": 5,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": GroundworkRetryPolicy(),
    "execution_timeout": timedelta(minutes=10),
    # Later steps first: runs already begun finish before new ones start.
    "weight_rule": "upstream",
}


@task
def accept_request(params: Any = None, dag_run: Any = None) -> str:
    """Check the request, open the operation and take the project's lease."""
    from groundwork.orchestration import steps

    return steps.accept_request(params, dag_run)


@task
def preflight(operation_id: str) -> None:
    """Look, without writing, at everything that could stand in the way, and report all of it at once."""
    from groundwork.orchestration import steps

    steps.run_project_step("preflight", operation_id)


@task
def record_resources(operation_id: str) -> list[str]:
    """Record everything that is going to be made as `pending`, in one transaction."""
    from groundwork.orchestration import steps

    return steps.record_resources(operation_id)


@task
def create_repository(operation_id: str) -> None:
    """Create the GitLab repository."""
    from groundwork.orchestration import steps

    steps.run_project_step("create_repository", operation_id)


@task
def push_template(operation_id: str) -> None:
    """Render the template and push it as the first commit."""
    from groundwork.orchestration import steps

    steps.run_project_step("push_template", operation_id)


@task(map_index_template=LABEL)
def create_namespace(operation_id: str, environment: str) -> None:
    """Create the namespace with its guardrails: identity for Flux, quota, closed network."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_namespace", operation_id, environment)


@task(map_index_template=LABEL)
def create_credentials(operation_id: str, environment: str) -> None:
    """Create a read-only deploy token and put it into the namespace."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_credentials", operation_id, environment)


@task(map_index_template=LABEL)
def create_git_repository(operation_id: str, environment: str) -> None:
    """Create the Flux GitRepository."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_git_repository", operation_id, environment)


@task(map_index_template=LABEL)
def create_kustomization(operation_id: str, environment: str) -> None:
    """Create the Flux Kustomization."""
    from groundwork.orchestration import steps

    steps.run_environment_step("create_kustomization", operation_id, environment)


@task(map_index_template=LABEL)
def mark_environment_synced(operation_id: str, environment: str) -> None:
    """Record the commit that Flux has applied."""
    from groundwork.orchestration import steps

    steps.run_environment_step("mark_environment_synced", operation_id, environment)


@task(outlets=[PROJECT_SYNCED])
def mark_project_synced(operation_id: str, outlet_events: Any = None) -> None:
    """Make sure that every part of the project is recorded as synced, and let other DAGs know."""
    from groundwork.orchestration import steps

    steps.run_project_step("mark_project_synced", operation_id)
    outlet_events[PROJECT_SYNCED].extra = {"operation_id": operation_id}


@task(retries=60)
def apply_failure_policy(operation_id: str) -> None:
    """Where the project did not become synced: keep, roll back or quarantine what was made."""
    from groundwork.orchestration import steps

    steps.run_project_step("apply_failure_policy", operation_id)


@task
def close_operation(operation_id: str) -> str:
    """Record how the operation ended and give the lease back."""
    from groundwork.orchestration import steps

    return steps.close_operation(operation_id)


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=32,
    dagrun_timeout=timedelta(hours=6),
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=2),
        callback=AsyncCallback(deadline_missed),
    ),
    on_failure_callback=run_failed,
    tags=["groundwork"],
    default_args=DEFAULT_ARGS,
    params=request_params(),
    doc_md=__doc__,
)
def initialize_project() -> None:
    operation = accept_request()
    checked = preflight(operation)
    recorded = record_resources(operation)
    created = create_repository(operation)
    pushed = push_template(operation)
    finished = mark_project_synced(operation)
    # Not with on_failure_fail_dagrun: the teardowns alone would then decide how the run ended.
    settled = apply_failure_policy(operation).as_teardown(setups=operation)
    closed = close_operation(operation).as_teardown(setups=operation)

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
        [namespace, created] >> credentials
        [credentials, pushed] >> source >> kustomization >> synced >> marked
        [namespace, credentials, marked] >> settled

    environments = make_environment.partial(operation_id=operation).expand(environment=recorded)
    checked >> recorded >> created >> pushed
    environments >> finished
    # With these and those of each environment, a failure is settled only when every step has ended, also
    # where another one failed: all other steps lie on a chain that ends in one of them.
    [created, pushed, finished] >> settled >> closed


initialize_project()
