"""Everything a task imports and computes before its own work, done once by whoever imports this module.

A LocalExecutor forks its tasks from the scheduler, so importing this there (for example from
`airflow_local_settings.py`) spares every task the imports, the settings and the form's schema.
"""

from __future__ import annotations

from importlib import import_module

from groundwork.orchestration.params import request_schema
from groundwork.settings import get_settings

_MODULES = (
    "airflow.dag_processing.bundles.local",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.definitions.decorators.task_group",
    "copier",
    "gitlab.v4.objects",
    "groundwork.orchestration.retry",
    "groundwork.orchestration.sensor",
    "groundwork.orchestration.steps",
    "groundwork.orchestration.trigger",
    "kubernetes.client",
)

for _module in _MODULES:
    import_module(_module)
get_settings()
request_schema()
