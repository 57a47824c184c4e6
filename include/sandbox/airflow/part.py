"""Airflow as a part of the sandbox: api-server, scheduler, DAG processor and triggerer."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import httpx

from sandbox.airflow.config import USERS, write_config
from sandbox.errors import ProgramFailed, Unhealthy
from sandbox.health import Probe, get, http_probe, wait_until
from sandbox.ports import HOST, Ports
from sandbox.postgres import Postgres
from sandbox.program import Part, Program, Task
from sandbox.settings import CLONE, Settings
from sandbox.state import State

MAIN_DAG = "initialize_project"
"""The DAG that must be ready to be triggered when `up` returns."""

_PRELOADED = "groundwork.orchestration.preload"
"""What tasks import, loaded once in the scheduler that they are forked from: half a second less for each."""
_DAG_READY_SECONDS = 180


class Airflow(Part):
    """The four processes on their own metadata database."""

    name = "airflow"

    def __init__(
        self,
        state: State,
        ports: Ports,
        settings: Settings,
        postgres: Postgres,
        environment: Mapping[str, str],
        write_connections: Callable[[], None],
    ) -> None:
        self._state = state
        self._ports = ports
        self._idle_sleep = settings.scheduler_idle_sleep
        self._postgres = postgres
        self._write_connections = write_connections
        self.home = state.root / "airflow"
        self._environment = {
            **settings.product_settings,
            "SANDBOX_SOURCES": _fingerprint(),
            "AIRFLOW_HOME": str(self.home),
            "PYTHONPATH": str(CLONE / "include"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        }
        self._base_environment = dict(environment)

    @property
    def url(self) -> str:
        """Where the UI and the REST API are."""
        return f"http://{HOST}:{self._ports['airflow']}"

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return {"airflow-api-server": ["airflow"]}

    def prepare(self) -> None:
        write_config(
            self._state,
            self.home,
            port=self._ports["airflow"],
            database_url=self._postgres.url("airflow"),
            idle_sleep_seconds=self._idle_sleep,
        )

    def programs(self) -> list[Program]:
        local_settings = Path(__file__).parent / "scheduler_settings"
        scheduler_environment = {
            "PYTHONPATH": f"{local_settings}{os.pathsep}{self._environment['PYTHONPATH']}",
            "SANDBOX_PRELOAD": _PRELOADED,
        }
        return [
            # The API that tasks talk to is put together at its first request, which takes seconds.
            self._program("api-server", [], http_probe(f"{self.url}/execution/health"), url=self.url),
            self._program(
                "scheduler",
                ["--skip-serve-logs"],
                self._heartbeat("scheduler"),
                environment=scheduler_environment,
            ),
            self._program("dag-processor", [], self._heartbeat("dag_processor")),
            self._program("triggerer", ["--skip-serve-logs"], self._heartbeat("triggerer")),
        ]

    def tasks(self) -> list[Task]:
        components = ["airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"]
        return [
            Task("connections", self._write_connections, after=["gitlab-seed"]),
            Task("airflow-migrate", self._migrate, after=["databases"]),
            Task("airflow-dag", self._wait_for_dag, after=[*components, "groundwork-records"]),
        ]

    def env(self) -> dict[str, str]:
        return {
            "AIRFLOW_URL": self.url,
            "AIRFLOW_USER": USERS[0],
            "AIRFLOW_PASSWORD": self._state.secret(f"airflow_{USERS[0]}"),
        }

    def _program(
        self,
        component: str,
        flags: Sequence[str],
        probe: Probe,
        *,
        environment: Mapping[str, str] | None = None,
        url: str = "",
    ) -> Program:
        return Program(
            name=f"airflow-{component}",
            command=[sys.executable, "-m", "airflow", component, *flags],
            probe=probe,
            environment=self._environment | dict(environment or {}),
            url=url,
            after=["airflow-migrate"],
            has_children=True,
            healthy_within=300,
        )

    def _heartbeat(self, component: str) -> Probe:
        """A probe that wants a heartbeat that is younger than the process itself."""

        def probe(started: float) -> None:
            report = get(f"{self.url}/api/v2/monitor/health").json()[component]
            latest = report[f"latest_{component}_heartbeat"]
            if report["status"] != "healthy":
                raise Unhealthy(f"its last heartbeat was at {latest}")
            if datetime.fromisoformat(latest).timestamp() < started:
                raise Unhealthy("no heartbeat since it was started")

        return probe

    def _migrate(self) -> None:
        """Brings the metadata database to this Airflow's schema; remembered, for looking takes seconds."""
        done = self.home / "migrated"
        if done.exists() and done.read_text() == version("apache-airflow-core"):
            return
        self._airflow("db", "migrate")
        done.write_text(version("apache-airflow-core"))

    def _airflow(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "airflow", *arguments]
        environment = self._base_environment | self._environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            output = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise ProgramFailed(f"`airflow {' '.join(arguments)}` failed:\n{output}")

    def _wait_for_dag(self) -> None:
        if not (CLONE / "dags" / f"{MAIN_DAG}.py").exists():
            return
        with httpx.Client(base_url=self.url, timeout=10, trust_env=False) as client:
            credentials = {"username": USERS[0], "password": self._state.secret(f"airflow_{USERS[0]}")}
            token = client.post("/auth/token", json=credentials).raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            wait_until(
                lambda: _check_dag(client), seconds=_DAG_READY_SECONDS, what=f"Airflow's DAG {MAIN_DAG}"
            )


def _check_dag(client: httpx.Client) -> None:
    errors = client.get("/api/v2/importErrors").raise_for_status().json()["import_errors"]
    for error in errors:
        if error["filename"].endswith(f"{MAIN_DAG}.py"):
            raise Unhealthy(f"it cannot be imported:\n{error['stack_trace']}")
    answer = client.get(f"/api/v2/dags/{MAIN_DAG}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise Unhealthy("it is not listed yet")
    dag = answer.raise_for_status().json()
    if dag["is_stale"] or dag["has_import_errors"]:
        raise Unhealthy("it was not read without errors yet")
    if dag["is_paused"]:
        client.patch(f"/api/v2/dags/{MAIN_DAG}", json={"is_paused": False}).raise_for_status()


def _fingerprint() -> str:
    """A hash of the code that Airflow's processes hold in memory: when it changes, `up` restarts them."""
    digest = hashlib.sha256()
    for folder in (CLONE / "include" / "groundwork", CLONE / "plugins"):
        for source in sorted(folder.rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
