"""A dry run prints in Airflow what `groundwork plan` prints, and makes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import yaml


def groundwork(sandbox: Any, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command line as an operator has it: the sandbox's env file, and the tests' templates."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        **sandbox.settings.product_settings,
    }
    command = [sys.executable, "-m", "groundwork.cli", "--env-file", str(sandbox.state.env_file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, input=stdin)


def test_both_print_the_same_and_make_nothing(
    sandbox: Any, runs: Any, request_body: Any, slug: str, database: Any, kubectl: Any
) -> None:
    printed = groundwork(sandbox, "plan", "--file", "-", stdin=yaml.safe_dump(request_body))
    assert printed.returncode == 2, printed.stderr

    run = runs.run({**request_body, "dry_run": True})

    assert run.state == "success"
    assert run.states("accept_request") == {"": "skipped"}
    assert run.states("create_repository") == {"": "skipped"}
    log = runs.log(run, "accept_request")
    missing = [line for line in printed.stdout.splitlines() if json.dumps(line)[1:-1] not in _plain(log)]
    assert missing == []
    assert not database.execute("SELECT FROM projects WHERE slug = %s", [slug]).fetchall()
    assert kubectl("get", "namespaces", "-l", f"groundwork.dev/project={slug}")["items"] == []


def test_what_stands_in_the_way_fails_it(runs: Any, request_body: Any, kubectl: Any, slug: str) -> None:
    kubectl("create", "namespace", f"project-{slug}-dev")

    run = runs.run({**request_body, "dry_run": True})

    assert (run.state, run.states("accept_request")) == ("failed", {"": "failed"})
    assert f"Namespace project-{slug}-dev exists and was not made for this project" in runs.log(
        run, "accept_request"
    )


def test_after_the_run_the_plan_is_empty(sandbox: Any, runs: Any, request_body: Any, database: Any) -> None:
    assert runs.run(request_body).state == "success"
    project = database.execute("SELECT id FROM projects WHERE slug = %s", [request_body["slug"]]).fetchone()

    again = {**request_body, "project_id": str(project["id"])}
    printed = groundwork(sandbox, "plan", "--file", "-", "--json", stdin=yaml.safe_dump(again))

    assert printed.returncode == 0, printed.stdout
    assert json.loads(printed.stdout) == {"changes": [], "problems": [], "summary": {}}


def _plain(log: str) -> str:
    """The log as one text, in which a line of the plan looks as it does in JSON."""
    return log.replace("\\\\n", "\n")
