"""The trigger's stored form: it comes back as it was and carries no secret."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk.module_loading import import_string

from groundwork.orchestration.trigger import FluxSyncTrigger

ARGUMENTS: dict[str, Any] = {
    "cluster": "groundwork_cluster",
    "namespace": "project-shop-dev",
    "name": "shop",
    "revision": "a" * 40,
    "requested_at": "2026-01-01T00:00:00+00:00",
    "attempts_before": 1,
    "max_apply_attempts": 2,
    "max_health_attempts": 3,
    "deadline": 1_800_000_000.0,
    "gitlab": "groundwork_gitlab",
    "gitlab_project_id": 7,
}


def test_a_trigger_survives_being_stored() -> None:
    path, stored = FluxSyncTrigger(**ARGUMENTS).serialize()
    assert json.loads(json.dumps(stored)) == ARGUMENTS
    assert import_string(path)(**stored).serialize() == (path, stored)


def test_its_path_stays_importable() -> None:
    """Deferred tasks outlive upgrades: a renamed class would leave them waiting for ever."""
    assert FluxSyncTrigger(**ARGUMENTS).serialize()[0] == "groundwork.orchestration.trigger.FluxSyncTrigger"
