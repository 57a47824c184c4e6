"""Approvals that tasks of Groundwork's DAGs wait for. Airflow keeps them, shows only what one may see, and
decides who may answer.
"""

from __future__ import annotations

from fastapi import APIRouter

from groundwork.errors import NotFound
from groundwork.web import access, requests, schemas
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["approvals"])
DAGS = (
    *(access.INITIALIZE, access.RECONCILE, access.DECOMMISSION, access.RESTORE, access.ADD_ENVIRONMENTS),
    access.ROTATE,
)


@router.get("/approvals", responses=documented())
async def list_approvals(context: ContextDep) -> list[schemas.Approval]:
    """What waits for a person's decision, oldest first."""
    return await context.apart(lambda: waiting(context))


@router.post(
    "/approvals",
    status_code=204,
    dependencies=[access.may_rerun(access.INITIALIZE)],
    responses=documented(404, 409),
)
async def answer_approval(context: ContextDep, body: requests.Answer) -> None:
    """Decide. Airflow records who did."""
    if body.dag_id not in DAGS:
        raise NotFound(f"'{body.dag_id}' is not one of Groundwork's DAGs.")
    access.require(context.caller.may_rerun, body.dag_id, "answer a task")

    def answer() -> None:
        with context.airflow() as airflow:
            airflow.answer(body.dag_id, body.run_id, body.task_id, body.map_index, body.option)

    await context.apart(answer)


def waiting(context: Context) -> list[schemas.Approval]:
    """The approvals of Groundwork's own DAGs that the caller may see."""
    with context.airflow() as airflow:
        found = airflow.approvals()
    return [
        schemas.Approval(
            dag_id=item.task.dag_id,
            run_id=item.task.run_id,
            task_id=item.task.task_id,
            map_index=item.task.map_index,
            subject=item.subject,
            body=item.body,
            options=item.options,
            created_at=item.created_at,
        )
        for item in found
        if item.task.dag_id in DAGS
    ]
