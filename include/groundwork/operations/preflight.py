"""Everything that can be known before the first write: looked at, and all that is wrong reported at once."""

from __future__ import annotations

from uuid import UUID

from groundwork.errors import PreflightFailed
from groundwork.operations.ledger import step
from groundwork.operations.plan import inspect
from groundwork.operations.project_steps import request_of
from groundwork.operations.resolution import Run, resolve
from groundwork.operations.services import Services


def preflight(services: Services, operation_id: UUID) -> None:
    """Raises `PreflightFailed` with every finding."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    resolved = resolve(services, request)
    run = Run(operation.dag_id, operation.run_id, operation.triggered_by)
    with step(services, operation_id, "preflight"):
        problems = inspect(services, request, resolved, run).problems
        if problems:
            raise PreflightFailed(list(problems))
