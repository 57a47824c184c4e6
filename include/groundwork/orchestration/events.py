"""What others are told beside the tasks: an asset event, and word of failures.

Light, for DAG files and every Airflow process import it.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset

from groundwork.settings import get_settings

PROJECT_SYNCED = Asset(name="project_synced", uri="groundwork://project/synced")
"""Updated whenever a run has made a project synced, for DAGs scheduled on it; `extra` names the operation."""


def run_failed(context: Any) -> None:
    """Hand a failed run to the notifier that the settings name, if any."""
    notify(context)


def notify(context: Any) -> None:
    """Call the notifier that the settings name, if any; `reason` in the context says what has happened."""
    path = get_settings().failure_notifier
    if not path:
        return
    from importlib import import_module

    module, _, name = path.rpartition(".")
    getattr(import_module(module), name)(context)
