"""The one way in: a raw request becomes an operation that holds its project, or an error that says why not.

Nothing is made before every rule has been checked, and every broken rule is reported at once.
"""

from __future__ import annotations

from typing import Any

from groundwork.model.entities import Operation
from groundwork.model.request import parse_request
from groundwork.operations import specs
from groundwork.operations.resolution import Run, resolve
from groundwork.operations.services import Services
from groundwork.operations.subject import refusals_audited


def accept(services: Services, values: dict[str, Any], run: Run) -> Operation:
    """Check the request, reserve its slug, open the operation and take the lease.

    The same run again gets the same operation. Raises `InvalidRequest` with every problem, or `ProjectBusy`;
    a refusal is left in the audit trail and nowhere else.
    """
    with refusals_audited(services, run, values):
        request = parse_request(values)
        resolved = resolve(services, request)
        return services.records.operations.open(
            specs.project_spec(request, resolved),
            specs.run_spec(services.settings, request, resolved, run),
        )
