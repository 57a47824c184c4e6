"""Where the log of a step is found in Airflow, for the operations of every DAG."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from groundwork.model.entities import Operation, OperationKind, StepEntry
from groundwork.model.statuses import OperationStatus
from groundwork.web.pages import links

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def operation(kind: OperationKind, run_id: str = "r") -> Operation:
    return Operation(
        *(uuid4(), uuid4(), kind, "some_dag", run_id, uuid4(), "admin", {}),
        *(OperationStatus.SUCCEEDED, None, None, NOW, NOW),
    )


def entry(step: str, scope: str = "", environments: list[str] | None = None) -> StepEntry:
    result = {"environments": environments} if environments else None
    return StepEntry(
        *(uuid4(), uuid4(), step, scope, OperationStatus.SUCCEEDED, 1, {}),
        *(result, None, None, None, None, NOW, NOW),
    )


INITIALIZE = [entry("record_resources", environments=["dev", "prod"])]
DECOMMISSION = [entry("record_removal", environments=["prod"])]


@pytest.mark.parametrize(
    ("kind", "step", "steps", "task"),
    [
        (OperationKind.INITIALIZE, entry("preflight"), INITIALIZE, "preflight"),
        (
            OperationKind.INITIALIZE,
            entry("create_namespace", "prod"),
            INITIALIZE,
            "environment.create_namespace/mapped/1",
        ),
        (OperationKind.EXTEND, entry("push_overlays"), INITIALIZE, "push_overlays"),
        (OperationKind.DECOMMISSION, entry("suspend_flux", "prod"), DECOMMISSION, "suspend_flux/mapped/0"),
        (
            OperationKind.DECOMMISSION,
            entry("remove_namespace", "prod"),
            DECOMMISSION,
            "environment.remove_namespace/mapped/0",
        ),
        (
            OperationKind.DECOMMISSION,
            entry("remove_namespace", "dev"),
            DECOMMISSION,
            "environment.remove_namespace/mapped",
        ),
        (OperationKind.ROTATE, entry("rotate_credentials", "dev"), [], "rotate_project/mapped"),
        (OperationKind.REPAIR, entry("repair_repository"), [], "repair/mapped"),
    ],
)
def test_each_step_leads_to_its_task(
    kind: OperationKind, step: StepEntry, steps: list[StepEntry], task: str
) -> None:
    assert links.task("/run", operation(kind), step, steps) == f"/run/tasks/{task}"


def test_an_operation_of_a_run_for_many_projects_knows_its_run() -> None:
    assert operation(OperationKind.ROTATE, "scheduled__1/billing").dag_run_id == "scheduled__1"
    assert operation(OperationKind.INITIALIZE, "manual__1").dag_run_id == "manual__1"
