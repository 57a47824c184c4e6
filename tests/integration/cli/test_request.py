"""`groundwork request`, `follow` and `demo` on the sandbox: what they make, and how they say it failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import INCLUDE, Groundwork

pytestmark = pytest.mark.timeout(600)


def request_of(slug: str, **changes: Any) -> str:
    request = {
        "name": f"Command Line {slug}",
        "slug": slug,
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform"},
        "template_id": "web-service",
        "environment_ids": ["dev"],
    }
    return json.dumps({**request, **changes})


def head(url: str, token: str) -> str:
    """The commit `main` points at, told by git itself."""
    address = url.replace("://", f"://oauth2:{token}@", 1)
    listed = subprocess.run(
        ["git", "ls-remote", f"{address}.git", "refs/heads/main"], capture_output=True, text=True, check=True
    )
    return listed.stdout.split()[0]


def test_a_request_ends_with_what_was_made(
    groundwork: Groundwork, sandbox: Any, slug: str, options: list[str]
) -> None:
    done = groundwork("request", *options, "--answer", "replicas=1", "--json")

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (environment,) = result["environments"]
    assert result["synced"] is True
    assert result["seconds"] > 0
    assert result["repository"]["commit"] == head(
        f"{sandbox.gitlab_url}/platform/{slug}", sandbox.gitlab_token
    )
    assert environment["namespace"] == f"project-{slug}-dev"
    assert environment["revision"] == result["repository"]["commit"]
    told = [line.split()[2] for line in done.stderr.splitlines() if " s  " in line]
    assert told[0] == "accept_request"
    assert {"push_template", "create_kustomization", "mark_project_synced", "close_operation"} <= set(told)


def test_the_same_request_under_the_same_run_id_starts_nothing_twice(
    groundwork: Groundwork, slug: str, options: list[str]
) -> None:
    first = groundwork("request", *options, "--run-id", slug, "--no-wait", "--json")
    again = groundwork("request", *options, "--run-id", slug, "--no-wait", "--json")
    other = groundwork("request", *options, "--name", "Another", "--run-id", slug, "--no-wait")
    followed = groundwork("follow", slug)

    assert json.loads(first.stdout)["run_id"] == json.loads(again.stdout)["run_id"] == slug
    assert other.returncode == 1
    assert "--run-id" in other.stderr
    assert followed.returncode == 0, followed.stdout
    assert f"Project '{slug}' is synced" in followed.stdout


def test_without_a_database_the_run_itself_tells_what_was_made(
    groundwork: Groundwork, env_file: Path, tmp_path: Path, slug: str, options: list[str]
) -> None:
    without = tmp_path / "env"
    lines = env_file.read_text().splitlines(keepends=True)
    without.write_text("".join(line for line in lines if not line.startswith("DATABASE_URL")))

    done = groundwork("request", *options, "--json", env_file=without)

    result = json.loads(done.stdout)
    assert result["repository"]["path"] == f"platform/{slug}"
    assert result["repository"]["url"].endswith(f"/platform/{slug}")
    assert [(item["namespace"], item["status"]) for item in result["environments"]] == [
        (f"project-{slug}-dev", "synced")
    ]


def test_a_refused_request_names_the_fields_and_leaves_no_project(groundwork: Groundwork, slug: str) -> None:
    refused = request_of(slug, user_id="nobody", environment_ids=["dev", "moon"])

    done = groundwork("request", "--file", "-", "--json", stdin=refused)

    (failure,) = json.loads(done.stdout)["failures"]
    assert done.returncode == 1
    assert (failure["step"], failure["reason"]) == ("accept_request", "InvalidRequest")
    assert "user_id: " in failure["message"]
    assert "environment_ids: " in failure["message"]
    assert groundwork("status", slug).returncode == 1


def test_a_failed_step_is_told_with_its_reason_from_the_records(groundwork: Groundwork, slug: str) -> None:
    done = groundwork(
        "request", "--file", "-", stdin=request_of(slug, repository={"group_path": "no-such-group"})
    )

    assert done.returncode == 1
    assert f"Project '{slug}' failed." in done.stdout
    assert "preflight: PreflightFailed: " in done.stdout
    assert "no-such-group" in done.stdout


def test_a_template_airflow_does_not_know_is_refused_before_a_run_starts(
    groundwork: Groundwork, slug: str
) -> None:
    done = groundwork("request", "--file", "-", stdin=request_of(slug, template_id="nope"))

    assert done.returncode == 2
    assert done.stderr.startswith("template_id: ")


def test_a_wrong_password_is_told_without_the_password(
    groundwork: Groundwork, env_file: Path, tmp_path: Path, options: list[str]
) -> None:
    wrong = tmp_path / "env"
    wrong.write_text(env_file.read_text() + "AIRFLOW_PASSWORD=not-the-right-one\n")

    done = groundwork("request", *options, env_file=wrong)

    assert done.returncode == 1
    assert done.stderr.startswith("NotAllowed: ")
    assert "not-the-right-one" not in done.stdout + done.stderr


def test_an_interrupt_ends_the_watching_and_not_the_run(
    groundwork: Groundwork, env_file: Path, slug: str, options: list[str]
) -> None:
    command = [sys.executable, "-m", "groundwork.cli", "--env-file", str(env_file)]
    watching = subprocess.Popen(
        [*command, "request", *options, "--run-id", slug],
        env={**os.environ, "PYTHONPATH": str(INCLUDE), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    for line in watching.stdout:
        if "accept_request" in line:
            break
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate()

    assert watching.returncode == 130
    assert f"groundwork follow {slug}" in told
    assert groundwork("follow", slug).returncode == 0


def test_the_demo_makes_a_new_project_each_time_and_prints_no_password(
    groundwork: Groundwork, sandbox: Any
) -> None:
    done = groundwork("demo")

    assert done.returncode == 0, done.stdout + done.stderr
    for environment in ("dev", "staging", "prod"):
        assert f"project-demo-1-{environment}" in done.stdout
    assert sandbox.airflow_url in done.stdout
    assert "make down" in done.stdout
    assert sandbox.airflow_password not in done.stdout + done.stderr
    assert "demo-2" in groundwork("demo").stdout
