"""# Restore a project

Takes back what `decommission_project` has removed: the whole project, or some of its environments.

```
accept_request → initialize_project
```

The first task looks up what was last asked for; the second one runs `initialize_project` with that, for the
same project: its repository is taken out of the archive or back from deletion, namespaces and credentials are
made anew, and the project is `synced` once Flux has applied its last commit.

It works until GitLab has deleted the repository for good. Run it again at any time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag

from groundwork.model.lifecycle import RESTORE_RUN, RestoreRequest
from groundwork.orchestration.defaults import DEFAULT_ARGS
from groundwork.orchestration.events import run_failed
from groundwork.orchestration.params import params_of
from groundwork.orchestration.tasks import project_task


@project_task
def accept_request(params: Any = None, dag_run: Any = None) -> dict[str, Any]:
    """Check the request, and look up what the project was made with."""
    from groundwork.orchestration import restore_steps

    return restore_steps.accept_request(params, dag_run)


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=16,
    dagrun_timeout=timedelta(hours=7),
    on_failure_callback=run_failed,
    tags=["groundwork"],
    default_args=DEFAULT_ARGS,
    params=params_of(RestoreRequest),
    doc_md=__doc__,
)
def restore_project() -> None:
    TriggerDagRunOperator(
        task_id="initialize_project",
        doc_md="Run `initialize_project` for the project, and wait until it has ended.",
        trigger_dag_id="initialize_project",
        trigger_run_id=f"{RESTORE_RUN}{{{{ dag_run.run_id }}}}",
        conf=accept_request(),
        logical_date=None,
        wait_for_completion=True,
        deferrable=True,
        poke_interval=5,
        # Run again, it clears the run it has started before instead of starting another.
        reset_dag_run=True,
        fail_when_dag_is_paused=True,
        # A run that failed says why itself; starting it over and over would not help.
        retries=0,
    )


restore_project()
