"""Airflow's own processes are killed during a run, and the run still ends right.

On a sandbox of their own, because other tests' runs would be struck too. Its scheduler gives a task up that
is not heard of for seconds, not for Airflow's default of five minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from ..crash.invariants import broken_after_success
from ..crash.reality import read
from ..crash.systems import systems_of
from .conftest import Runs

pytestmark = pytest.mark.timeout(300)

SOON_GIVEN_UP = {
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}
Ends = Callable[[Callable[[str], None]], None]


@pytest.fixture(scope="module")
def airflow(own_sandbox: Callable[..., Any]) -> Any:
    """A sandbox with an Airflow whose processes may be killed."""
    sandbox = own_sandbox("airflow", **SOON_GIVEN_UP)
    sandbox.up()
    return sandbox


@pytest.fixture(scope="module")
def own_runs(airflow: Any) -> Iterator[Runs]:
    with Runs(airflow.airflow_url, airflow.airflow_user, airflow.airflow_password) as found:
        yield found


@pytest.fixture
def ends_right(airflow: Any, own_runs: Runs, request_body: dict[str, Any], slug: str) -> Ends:
    """Starts a run, does the given harm to it, and judges how it ends."""

    def check(harm: Callable[[str], None]) -> None:
        run_id = own_runs.start(request_body)
        harm(run_id)
        ended = own_runs.wait(run_id)
        assert (ended.state, broken(airflow, slug, request_body)) == ("success", [])

    return check


def broken(airflow: Any, slug: str, body: dict[str, Any]) -> list[str]:
    return broken_after_success(read(systems_of(airflow), slug), body["environment_ids"])


@pytest.mark.parametrize("step", ["create_repository", "environment.create_credentials"])
def test_a_killed_scheduler(airflow: Any, own_runs: Runs, ends_right: Ends, step: str) -> None:
    """Its tasks die with it: they are forked from it."""

    def harm(run_id: str) -> None:
        own_runs.wait_for(run_id, step, "running")
        airflow.signal("airflow-scheduler", "KILL")

    ends_right(harm)


def test_a_killed_triggerer(airflow: Any, own_runs: Runs, ends_right: Ends) -> None:
    """Flux stands still until then, so that there is something to wait for."""
    airflow.signal("kustomize-controller", "STOP")

    def harm(run_id: str) -> None:
        own_runs.wait_for(run_id, "environment.wait_until_synced", "deferred")
        airflow.signal("airflow-triggerer", "KILL")
        airflow.signal("kustomize-controller", "CONT")

    ends_right(harm)


@pytest.mark.parametrize("step", ["push_template", "environment.create_namespace"])
def test_a_killed_worker(airflow: Any, own_runs: Runs, ends_right: Ends, step: str) -> None:
    """The process of a task and the worker that watches over it, both at once."""

    def harm(run_id: str) -> None:
        task = own_runs.wait_for(run_id, step, "running")
        with suppress(psutil.NoSuchProcess):  # it may be done already
            process = psutil.Process(task["pid"])
            worker = process.parent()
            process.kill()
            if worker is not None and worker.pid != airflow.pid("airflow-scheduler"):
                worker.kill()

    ends_right(harm)


def test_everything_killed_at_once(airflow: Any, ends_right: Ends) -> None:
    def harm(_run_id: str) -> None:
        time.sleep(1.5)
        for name in ("airflow-scheduler", "airflow-triggerer", "airflow-api-server", "airflow-dag-processor"):
            airflow.signal(name, "KILL")
        airflow.wait_healthy("airflow-api-server")

    ends_right(harm)
