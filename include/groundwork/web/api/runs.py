"""DAG runs: which project and operation a run belongs to, and how it stands."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from groundwork.clients.airflow import Run
from groundwork.model.lifecycle import RESTORE_RUN
from groundwork.web import access, schemas
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["runs"])
# Letters that Airflow allows in the ids of DAGs and runs, so that no path can be made of them.
Id = Annotated[str, Path(min_length=1, max_length=250, pattern=r"^[A-Za-z0-9_.~:+-]+$")]


@router.get("/runs/{dag_id}/{run_id}", responses=documented(404))
async def get_run(context: ContextDep, dag_id: Id, run_id: Id) -> schemas.Run:
    """A run with the operation and project it belongs to, once its request was accepted."""
    return await context.apart(lambda: find_run(context, dag_id, run_id))


def find_run(context: Context, dag_id: str, run_id: str) -> schemas.Run:
    """Raises `NotFound` when Airflow does not have the run, or does not let the caller see it."""
    with context.airflow() as airflow:
        return run_of(context, airflow.run(dag_id, run_id))


def run_of(context: Context, run: Run) -> schemas.Run:
    """What came of a run so far."""
    with context.records() as records:
        operation = records.overview.operation_of_run(*_working(run))
        refusal = None if operation else records.overview.refusal_of_run(run.dag_id, run.run_id)
    return schemas.Run(
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=run.state,
        page=context.page("runs", run.dag_id, run.run_id),
        operation_id=operation.id if operation else None,
        project_id=operation.project_id if operation else None,
        refusal=refusal.message if refusal else None,
    )


def _working(run: Run) -> tuple[str, str]:
    """DAG and id of the run that does the work: a restoration has `initialize_project` do it."""
    if run.dag_id == access.RESTORE:
        return access.INITIALIZE, f"{RESTORE_RUN}{run.run_id}"
    return run.dag_id, run.run_id
