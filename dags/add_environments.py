"""# Add environments

Lets a project that exists run in more environments, and touches those it runs in already no more than
`initialize_project` does.

```
accept_request → preflight → record_resources ┬→ create_repository → push_overlays ─┐
                                              └→ create_namespace[*] ───────────────┴→
   environment[*]: create_credentials → create_git_repository → create_kustomization
                   → wait_until_synced → mark_environment_synced
→ mark_project_synced → close_operation (always)
```

The overlay of each new environment is rendered from the project's template. One that the default branch has
is used as it is; else its files are added by a commit on top, which changes nothing that is there. Where the
branch takes no pushes, a merge request asks for that commit, and the environment is `synced` once it is
merged.

Run it again at any time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag

from groundwork.model.lifecycle import AddEnvironmentsRequest
from groundwork.orchestration.deadlines import run_deadline
from groundwork.orchestration.defaults import DEFAULT_ARGS
from groundwork.orchestration.environment_tasks import make_environments
from groundwork.orchestration.events import PROJECT_SYNCED, run_failed
from groundwork.orchestration.params import params_of
from groundwork.orchestration.tasks import project_task, repository_task


@project_task
def accept_request(params: Any = None, dag_run: Any = None) -> str:
    """Check the request, open the operation and take the project's lease."""
    from groundwork.orchestration import extension_steps

    return extension_steps.accept_request(params, dag_run)


@project_task
def preflight(operation_id: str) -> None:
    """Look, without writing, at everything that could stand in the way, and report all of it at once."""
    from groundwork.orchestration import steps

    steps.run_project_step("preflight", operation_id)


@project_task
def record_resources(operation_id: str) -> list[str]:
    """Record the new environments as `pending`, in one transaction."""
    from groundwork.orchestration import steps

    return steps.record_resources(operation_id)


@repository_task
def create_repository(operation_id: str) -> None:
    """Make sure that the repository is there and can be written to."""
    from groundwork.orchestration import steps

    steps.run_project_step("create_repository", operation_id)


@repository_task
def push_overlays(operation_id: str) -> None:
    """Add the new environments' overlays to the repository, where it does not have them."""
    from groundwork.orchestration import extension_steps

    extension_steps.push_overlays(operation_id)


@project_task(outlets=[PROJECT_SYNCED])
def mark_project_synced(operation_id: str, outlet_events: Any = None) -> None:
    """Make sure that every part of the project is recorded as synced, and let other DAGs know."""
    from groundwork.orchestration import steps

    steps.run_project_step("mark_project_synced", operation_id)
    outlet_events[PROJECT_SYNCED].extra = {"operation_id": operation_id}


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
    params=params_of(AddEnvironmentsRequest),
    doc_md=__doc__,
)
def add_environments() -> None:
    operation = accept_request()
    checked = preflight(operation)
    recorded = record_resources(operation)
    created = create_repository(operation)
    pushed = push_overlays(operation)
    finished = mark_project_synced(operation)
    closed = close_operation(operation).as_teardown(setups=operation)
    environments = make_environments(operation, recorded, repository=created, content=pushed, settled=closed)
    checked >> recorded >> created >> pushed
    environments >> finished
    # With these and those of each environment, every step has ended when the operation is closed.
    [created, pushed, finished] >> closed


add_environments()
