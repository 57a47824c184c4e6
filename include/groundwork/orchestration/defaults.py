"""What all tasks of Groundwork's DAGs have in common. Light: every task process parses a DAG file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from groundwork.orchestration.retry import GroundworkRetryPolicy

LABEL = "{{ task.op_kwargs['environment'] }}"
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "groundwork",
    "retries": 5,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "retry_policy": GroundworkRetryPolicy(),
    "execution_timeout": timedelta(minutes=10),
    # Later steps first: runs already begun finish before new ones start.
    "weight_rule": "upstream",
}
