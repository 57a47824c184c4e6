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

from airflow.sdk import dag

from groundwork.orchestration.deadlines import run_deadline
from groundwork.orchestration.defaults import DEFAULT_ARGS
from groundwork.orchestration.environment_tasks import make_environments
from groundwork.orchestration.events import PROJECT_SYNCED, run_failed
from groundwork.orchestration.params import request_params
from groundwork.orchestration.tasks import project_task, repository_task


@project_task
def accept_request(params: Any = None, dag_run: Any = None) -> str:
    """Check the request, open the operation and take the project's lease."""
    from groundwork.orchestration import steps

    return steps.accept_request(params, dag_run)


@project_task
def preflight(operation_id: str) -> None:
    """Look, without writing, at everything that could stand in the way, and report all of it at once."""
    from groundwork.orchestration import steps

    steps.run_project_step("preflight", operation_id)


@project_task
def record_resources(operation_id: str) -> list[str]:
    """Record everything that is going to be made as `pending`, in one transaction."""
    from groundwork.orchestration import steps

    return steps.record_resources(operation_id)


@repository_task
def create_repository(operation_id: str) -> None:
    """Create the GitLab repository."""
    from groundwork.orchestration import steps

    steps.run_project_step("create_repository", operation_id)


@repository_task
def push_template(operation_id: str) -> None:
    """Render the template and push it as the first commit."""
    from groundwork.orchestration import steps

    steps.run_project_step("push_template", operation_id)


@project_task(outlets=[PROJECT_SYNCED])
def mark_project_synced(operation_id: str, outlet_events: Any = None) -> None:
    """Make sure that every part of the project is recorded as synced, and let other DAGs know."""
    from groundwork.orchestration import steps

    steps.run_project_step("mark_project_synced", operation_id)
    outlet_events[PROJECT_SYNCED].extra = {"operation_id": operation_id}


@project_task(retries=60)
def apply_failure_policy(operation_id: str) -> None:
    """Where the project did not become synced: keep, roll back or quarantine what was made."""
    from groundwork.orchestration import steps

    steps.run_project_step("apply_failure_policy", operation_id)


@project_task
def close_operation(operation_id: str) -> str:
    """Record how the operation ended and give the lease back."""
    from groundwork.orchestration import steps

    return steps.close_operation(operation_id)


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=32,
    dagrun_timeout=timedelta(hours=6),
    deadline=run_deadline(),
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

    environments = make_environments(operation, recorded, repository=created, content=pushed, settled=settled)
    checked >> recorded >> created >> pushed
    environments >> finished
    # With these and those of each environment, a failure is settled only when every step has ended, also
    # where another one failed: all other steps lie on a chain that ends in one of them.
    [created, pushed, finished] >> settled >> closed


initialize_project()
