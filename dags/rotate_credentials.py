"""# Rotate credentials

Renews the deploy tokens that Flux fetches with, before they end: every day those that end within
`GROUNDWORK_DEPLOY_TOKEN_RENEWAL_DAYS`, or on demand all of one project.

```
find_due → rotate_project[*]
```

The new token is put into place, and the old one is revoked only when Flux has fetched with the new one.
Killed anywhere, it goes on when it is run again, and so does the next day's run: a project never has no token
that works, and never two for good.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import dag

from groundwork.model.lifecycle import RotateRequest
from groundwork.orchestration.defaults import DEFAULT_ARGS
from groundwork.orchestration.events import run_failed
from groundwork.orchestration.params import params_of
from groundwork.orchestration.tasks import groundwork_task, project_task


@groundwork_task
def find_due(params: Any = None) -> list[str]:
    """Look for tokens that end soon, and for rotations that did not come to their end."""
    from groundwork.orchestration import rotation_steps

    return rotation_steps.find_due(params)


# It ends itself at the setting `sync_deadline`, before it has used up these tries.
@project_task(
    doc_md="Put new tokens into place, prove them, and revoke the old ones.",
    map_index_template="{{ task.op_kwargs['project'] }}",
    retries=2000,
    max_active_tis_per_dag=8,
)
def rotate_project(project: str, params: Any = None, dag_run: Any = None) -> str:
    """Put new tokens into place, prove them, and revoke the old ones."""
    from groundwork.orchestration import rotation_steps

    return rotation_steps.rotate_project(project, params, dag_run)


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    on_failure_callback=run_failed,
    tags=["groundwork"],
    default_args=DEFAULT_ARGS,
    params=params_of(RotateRequest),
    doc_md=__doc__,
)
def rotate_credentials() -> None:
    rotate_project.expand(project=find_due())


rotate_credentials()
