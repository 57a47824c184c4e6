"""# Keep projects as they were requested

Looks at everything Groundwork has made, records how it stands, and puts right what may be put right.

```
observe_and_decide → approve_repairs → list_repairs → repair[*] → finish (always)
```

**Runs by itself**, one look at a time. Trigger it for one `project`, `organization` or `environment` to look
at that alone, and now.

**Removes nothing.** A system that does not answer, or not with all there is, is left alone: the run then
fails with the reason. A pass that would repair many projects asks first: see *Required Actions*. While it
waits, others go on, and leave to it what it has asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag

from groundwork.orchestration.approval import RepairApproval
from groundwork.orchestration.events import run_failed
from groundwork.orchestration.retry import GroundworkRetryPolicy
from groundwork.orchestration.tasks import groundwork_task
from groundwork.settings import get_settings

SIDE_BY_SIDE = 2
# Most of them wait for approval.
ACTIVE_RUNS = 16
DEFAULT_ARGS = {
    "owner": "groundwork",
    "retries": 2,
    "retry_delay": timedelta(seconds=10),
    "retry_policy": GroundworkRetryPolicy(),
}
REPAIR = "Repair these projects, each under its lease; one that another operation holds is left to it."
LABEL = "{{ task.op_kwargs['projects'] | length }} projects"
TASK = {"execution_timeout": timedelta(minutes=10)}


def _selected(what: str) -> Param:
    return Param(
        None, type=["null", "string"], title=what, description=f"Only this {what.lower()}: id or slug."
    )


@groundwork_task(max_active_tis_per_dag=1, **TASK)
def observe_and_decide(params: Any = None, dag_run: Any = None) -> str:
    """List what there is, compare it with the records, record how it stands, and decide what to repair."""
    from groundwork.orchestration import reconcile_steps

    return reconcile_steps.observe_and_decide(params, dag_run)


@groundwork_task(**TASK)
def list_repairs(pass_id: str) -> list[list[str]]:
    """The projects to repair, in a few parts."""
    from groundwork.orchestration import reconcile_steps

    return reconcile_steps.batches(pass_id)


@groundwork_task(max_active_tis_per_dagrun=SIDE_BY_SIDE, doc_md=REPAIR, map_index_template=LABEL, **TASK)
def repair(pass_id: str, projects: list[str], dag_run: Any = None) -> None:
    from groundwork.orchestration import reconcile_steps

    reconcile_steps.repair(pass_id, projects, dag_run)


@groundwork_task(**TASK)
def finish(dag_run: Any = None) -> str:
    """End the pass; fails when a system could not be seen as a whole."""
    from groundwork.orchestration import reconcile_steps

    return reconcile_steps.finish(dag_run)


@dag(
    schedule=timedelta(seconds=get_settings().reconcile_interval),
    catchup=False,
    max_active_runs=ACTIVE_RUNS,
    dagrun_timeout=timedelta(seconds=get_settings().reconcile_pass_timeout),
    on_failure_callback=run_failed,
    tags=["groundwork"],
    default_args=DEFAULT_ARGS,
    params={what: _selected(what.capitalize()) for what in ("project", "organization", "environment")},
    doc_md=__doc__,
)
def reconcile_projects() -> None:
    pass_id = observe_and_decide()
    approved = RepairApproval(
        task_id="approve_repairs",
        doc_md="Ask a person before many projects are repaired at once.",
        pass_id=pass_id,
        timeout=timedelta(seconds=get_settings().reconcile_approval_timeout),
    )
    repairs = list_repairs(pass_id)
    repaired = repair.partial(pass_id=pass_id).expand(projects=repairs)
    # As a teardown it also ends the pass of a run that somebody marks as failed.
    ended = finish().as_teardown(on_failure_fail_dagrun=True)
    pass_id >> approved >> repairs >> repaired >> ended


reconcile_projects()
