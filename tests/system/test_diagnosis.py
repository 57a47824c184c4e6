"""`groundwork diagnose` and `history` with Airflow too: the link in it, and the repair by a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Groundwork = Callable[..., tuple[int, Any]]
INCLUDE = Path(__file__).parents[2] / "include"


@pytest.fixture
def groundwork(sandbox: Any, tmp_path: Path) -> Groundwork:
    """Runs `groundwork ARGUMENTS --json`; answers the exit code and what was printed."""
    file = tmp_path / "env"
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in sandbox.env.items()))

    def run(*arguments: str) -> tuple[int, Any]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDWORK_")}
        done = subprocess.run(
            [sys.executable, "-m", "groundwork.cli", "--env-file", str(file), *arguments, "--json"],
            env={**own, "PYTHONPATH": str(INCLUDE)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def test_a_task_that_failed_is_told_with_its_try_and_the_end_of_its_log(
    groundwork: Groundwork, runs: Any, request_body: Any, slug: str
) -> None:
    run = runs.run({**request_body, "repository": {"group_path": "no-such-group"}})

    code, [told] = groundwork("diagnose", slug)

    [chain] = told["chains"]
    cause = chain["cause"]
    assert code == 1
    assert (cause["place"], cause["reason"]) == ("run", "PreflightFailed")
    assert run.run_id in cause["name"]
    assert "Airflow: failed, try 1: PreflightFailed" in cause["message"]
    assert "no-such-group" in cause["message"]


def test_a_repair_that_is_recorded_as_running_is_looked_up_as_part_of_its_run(
    groundwork: Groundwork, runs: Any, runs_of: Any, request_body: Any, slug: str, database: Any, kubectl: Any
) -> None:
    """One run repairs many projects, and each repair is an operation of its own."""
    request = {**request_body, "environment_ids": ["dev"], "template_id": "settings-only"}
    assert runs.run(request).state == "success"
    place, patch = ("-n", f"project-{slug}-dev"), '{"spec": {"policyTypes": ["Ingress"]}}'
    kubectl("patch", "networkpolicy", "groundwork", *place, "--type=merge", "-p", patch)
    passes = runs_of("reconcile_projects")
    assert passes.run({"project": slug}).state == "success"
    database.execute(
        "UPDATE operations SET status = 'running', finished_at = NULL FROM projects"
        " WHERE projects.id = project_id AND slug = %s AND kind = 'repair'",
        [slug],
    )

    _, [told] = groundwork("diagnose", slug)

    [run] = [link for link in told["chains"][0]["links"] if link["place"] == "run"]
    assert (run["state"], run["reason"]) == ("broken", "CutOff")
    assert run["message"] == "is recorded as running, but ended in Airflow as success"
    assert passes.run({"project": slug}).state == "success"
    assert groundwork("diagnose", slug)[0] == 0


@pytest.mark.timeout(300)
def test_what_is_broken_is_found_run_again_and_whole(
    groundwork: Groundwork, runs: Any, request_body: Any, slug: str, sandbox: Any
) -> None:
    assert runs.run(request_body).state == "success"
    assert groundwork("diagnose", slug)[0] == 0
    command = [sandbox.kubectl, "--kubeconfig", sandbox.kubeconfig, "delete", "secret", "groundwork-git"]
    subprocess.run([*command, "-n", f"project-{slug}-prod"], check=True, capture_output=True)

    code, [told] = groundwork("diagnose", slug)
    causes = {chain["environment"]: chain["cause"] and chain["cause"]["place"] for chain in told["chains"]}
    assert (code, causes) == (1, {"dev": None, "prod": "credentials"})

    code, [told] = groundwork("diagnose", slug, "--fix")
    assert code == 0
    assert told["repair"]["run_id"].startswith(f"repair-{slug}-")
    assert runs.wait(told["repair"]["run_id"]).state == "success"
    assert groundwork("diagnose", slug)[0] == 0

    code, events = groundwork("history", slug)
    rotated = [event for event in events if event["action"] == "credentials.rotated"]
    assert code == 0
    assert [event["details"]["environment"] for event in rotated] == ["prod"]
    assert rotated[0]["actor"] == sandbox.airflow_user
    assert told["repair"]["run_id"] in rotated[0]["run"]
    actions = [event["action"] for event in events]
    assert (
        actions.index("repository.created")
        < actions.index("project.synced")
        < actions.index("operation.closed")
    )
