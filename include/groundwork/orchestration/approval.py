"""The question to a person whether a reconcile pass may go on. Source: Airflow docs, "Human-in-the-loop"."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator


class RepairApproval(ApprovalOperator):
    """Asks only if the pass wants to be asked about; without an answer in time it is a no.

    :param pass_id: the pass (templated).
    """

    template_fields: Collection[str] = ("subject", "body", "pass_id")

    def __init__(self, *, pass_id: str, timeout: timedelta, **kwargs: Any) -> None:
        super().__init__(
            subject="Repairs of reconcile_projects",
            body="",
            defaults=self.REJECT,
            response_timeout=timeout,
            **kwargs,
        )
        self.pass_id = pass_id

    def execute(self, context: Any) -> Any:
        from groundwork.orchestration import reconcile_steps

        question = reconcile_steps.approval(self.pass_id)
        if question is None:
            return None
        self.subject, self.body = f"Repair now? {question[0]}", question[1]
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        from groundwork.orchestration import reconcile_steps

        if "error" not in event:
            user = event.get("responded_by_user") or {}
            yes = event["chosen_options"] == [self.APPROVE]
            reconcile_steps.approved(self.pass_id, str(user.get("name") or "nobody in time"), yes=yes)
        return super().execute_complete(context, event)
