"""Whole-system tests: requests over REST, results read back with tools that know no Groundwork."""

from __future__ import annotations

import json
import os
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

_FINISHED = ("success", "failed")


@dataclass(frozen=True)
class FinishedRun:
    """A DAG run that has ended, with its task instances as the REST API shows them."""

    run_id: str
    state: str
    tasks: list[dict[str, Any]]

    def states(self, task_id: str) -> dict[str, str]:
        """State per environment of a mapped task, or under '' for one that is not mapped."""
        return {
            task["rendered_map_index"] or "": task["state"]
            for task in self.tasks
            if task["task_id"] == task_id
        }


class Runs:
    """Triggers and follows runs of one DAG as any REST client would."""

    def __init__(self, url: str, user: str, password: str, dag_id: str = "initialize_project") -> None:
        self._dag = f"/api/v2/dags/{dag_id}"
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        token = self._client.post("/auth/token", json={"username": user, "password": password})
        self._client.headers["Authorization"] = f"Bearer {token.raise_for_status().json()['access_token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def trigger(self, conf: dict[str, Any]) -> httpx.Response:
        return self._client.post(f"{self._dag}/dagRuns", json={"logical_date": None, "conf": conf})

    def start(self, conf: dict[str, Any]) -> str:
        response = self.trigger(conf)
        assert response.status_code == 200, response.text
        return str(response.json()["dag_run_id"])

    def peek(self, run_id: str) -> str:
        """The state of a run right now."""
        return str(self._get(f"/dagRuns/{run_id}")["state"])

    def wait(self, run_id: str, seconds: float = 240) -> FinishedRun:
        deadline = time.monotonic() + seconds
        while (state := self.peek(run_id)) not in _FINISHED:
            assert time.monotonic() < deadline, (
                f"{run_id} is {state} after {seconds} s: {self._tasks(run_id)}"
            )
            time.sleep(0.2)
        return FinishedRun(run_id, state, self._tasks(run_id))

    def run(self, conf: dict[str, Any]) -> FinishedRun:
        return self.wait(self.start(conf))

    def wait_for(self, run_id: str, task_id: str, state: str, seconds: float = 120) -> dict[str, Any]:
        """Some instance of a task that is in this state, as soon as there is one."""
        deadline = time.monotonic() + seconds
        while True:
            tasks = [task for task in self._tasks(run_id) if task["task_id"] == task_id]
            for task in tasks:
                if task["state"] == state:
                    return task
            assert time.monotonic() < deadline, f"{task_id} was never {state}: {tasks}"
            time.sleep(0.02)

    def clear(self, run_id: str, task_id: str) -> None:
        """Clear a task and all that come after it, as the button in the UI does."""
        body = {
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "include_downstream": True,
            "only_failed": False,
            "dry_run": False,
        }
        self._client.post(f"{self._dag}/clearTaskInstances", json=body).raise_for_status()

    def mark_failed(self, run_id: str) -> None:
        """Mark a run as failed, as the button in the UI does."""
        self._client.patch(f"{self._dag}/dagRuns/{run_id}", json={"state": "failed"}).raise_for_status()

    def log(self, run: FinishedRun, task_id: str, environment: str = "") -> str:
        """Everything the UI shows as the log of a task instance, over all its tries."""
        [task] = [
            task
            for task in run.tasks
            if task["task_id"] == task_id and (task["rendered_map_index"] or "") == environment
        ]
        path = f"/dagRuns/{run.run_id}/taskInstances/{task_id}/logs"
        tries = range(1, task["try_number"] + 1)
        answers = [
            self._get(f"{path}/{number}", map_index=task["map_index"], full_content=True) for number in tries
        ]
        return json.dumps(answers)

    def note(self, run: FinishedRun) -> str:
        """What a run says of how it ended; written right after its state, so waited for."""
        deadline = time.monotonic() + 10
        while (note := self._get(f"/dagRuns/{run.run_id}")["note"]) is None:
            assert time.monotonic() < deadline, f"{run.run_id} has no note"
            time.sleep(0.2)
        return str(note)

    def links(self, run: FinishedRun, task_id: str, map_index: int = -1) -> dict[str, str]:
        """The links beside a task's log, by name."""
        path = f"/dagRuns/{run.run_id}/taskInstances/{task_id}/links"
        found: dict[str, str] = self._get(path, map_index=map_index)["extra_links"]
        return found

    def events(self, run: FinishedRun) -> list[tuple[str, dict[str, Any]]]:
        """The asset events that a run has emitted: the asset's name and what it says."""
        answer = self._client.get("/api/v2/assets/events", params={"source_run_id": run.run_id})
        found = answer.raise_for_status().json()["asset_events"]
        return [(event["name"], event["extra"]) for event in found]

    def _tasks(self, run_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(f"/dagRuns/{run_id}/taskInstances", limit=200)[
            "task_instances"
        ]
        return found

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (
            self._client.get(f"{self._dag}{path}", params=query).raise_for_status().json()
        )
        return answer


@pytest.fixture(scope="session")
def runs(sandbox: Any) -> Iterator[Runs]:
    with Runs(sandbox.airflow_url, sandbox.airflow_user, sandbox.airflow_password) as found:
        yield found


@pytest.fixture
def runs_of(sandbox: Any) -> Iterator[Callable[[str], Runs]]:
    """Runs of any DAG, by its id."""
    with ExitStack() as opened:
        yield lambda dag_id: opened.enter_context(
            Runs(sandbox.airflow_url, sandbox.airflow_user, sandbox.airflow_password, dag_id)
        )


@pytest.fixture
def slug() -> str:
    """A slug no other test uses, also not one in another worker."""
    return f"t{uuid4().hex[:8]}"


@pytest.fixture
def request_body(slug: str) -> dict[str, Any]:
    """A request that is fine as it is."""
    return {
        "name": f"Project {slug}",
        "slug": slug,
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform", "description": "Made by a test"},
        "template_id": "web-service",
        "environment_ids": ["dev", "prod"],
    }


@pytest.fixture
def database(sandbox: Any) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Groundwork's records, read with SQL."""
    with psycopg.connect(sandbox.database_url, row_factory=dict_row, autocommit=True) as connection:
        yield connection


@pytest.fixture
def kubectl(sandbox: Any) -> Any:
    """`kubectl ARGUMENTS -o json` as the cluster's administrator."""

    def call(*arguments: str) -> dict[str, Any]:
        command = [sandbox.kubectl, "--kubeconfig", sandbox.kubeconfig, *arguments, "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return call


@pytest.fixture
def git(sandbox: Any) -> Callable[..., str]:
    """`git ARGUMENTS` in a folder, authenticated for the sandbox's GitLab; by default with its token."""

    def call(*arguments: str, folder: Path, credential: str = f"any:{sandbox.gitlab_token}") -> str:
        environment = {
            **os.environ,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{sandbox.gitlab_url}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {b64encode(credential.encode()).decode()}",
            "GIT_TERMINAL_PROMPT": "0",
        }
        command = ["git", "-c", "user.name=Dev", "-c", "user.email=dev@test", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return call


@pytest.fixture
def gitlab_api(sandbox: Any) -> Iterator[httpx.Client]:
    """GitLab's REST API with Groundwork's token."""
    headers = {"PRIVATE-TOKEN": sandbox.gitlab_token}
    with httpx.Client(base_url=f"{sandbox.gitlab_url}/api/v4", headers=headers, trust_env=False) as client:
        yield client
