"""How the command behaves as a whole: usage, exit codes, where errors go, settings, a quick start."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from groundwork.cli import app
from groundwork.cli.output import FAILED, TRY_AGAIN, WRONG_USE, exit_code
from groundwork.errors import (
    Conflict,
    GroundworkError,
    InvalidRequest,
    Misconfigured,
    PreflightFailed,
    Problem,
    QuotaExceeded,
    Unavailable,
)

REQUEST = {
    "name": "Billing API",
    "slug": "billing-api",
    "user_id": "demo",
    "organization_id": "platform",
    "repository": {"group_path": "platform"},
    "template_id": "web-service",
    "environment_ids": ["dev"],
}
PASSWORD = "a-secret-nobody-may-see"


def groundwork(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin)


@pytest.fixture
def nobody_listens() -> str:
    """An address where nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest([Problem("slug", "is bad")]), WRONG_USE),
        (PreflightFailed([Problem("slug", "is taken")]), FAILED),
        (Conflict("taken"), FAILED),
        (Misconfigured("not set"), FAILED),
        (Unavailable("gone"), TRY_AGAIN),
        (QuotaExceeded("slow down", 5), TRY_AGAIN),
    ],
)
def test_each_family_of_errors_has_its_exit_code(error: GroundworkError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["request", "--nonsense"],
        ["request", "--visibility", "secret"],
        ["request", "--project-id", "7"],
        ["--env-file", "nowhere", "status"],
        ["status", "--limit", "0"],
    ],
)
def test_wrong_use_ends_with_its_code_and_no_traceback(arguments: list[str]) -> None:
    result = groundwork(*arguments)

    assert result.exit_code == WRONG_USE
    assert "Traceback" not in result.output


def test_a_request_that_breaks_rules_says_each_on_a_line_of_its_own_and_sends_nothing() -> None:
    result = groundwork("request", "--slug", "Bad_Slug", "--environment", "dev")

    assert result.exit_code == WRONG_USE
    assert result.stdout == ""
    fields = [line.split(" ")[0] for line in result.stderr.splitlines()]
    assert fields == ["name", "slug", "user_id", "organization_id", "repository", "template_id"]


def test_errors_are_json_too_when_json_was_asked_for() -> None:
    result = groundwork("request", "--file", "-", "--json", stdin=json.dumps({**REQUEST, "slug": "Bad"}))

    error = json.loads(result.stderr)["error"]
    assert result.stdout == ""
    assert error["reason"] == "InvalidRequest"
    assert [problem["field"] for problem in error["problems"]] == ["slug (--slug)"]


def test_an_airflow_that_is_down_is_a_temporary_error(
    monkeypatch: pytest.MonkeyPatch, nobody_listens: str
) -> None:
    monkeypatch.setenv("GROUNDWORK_AIRFLOW_URL", nobody_listens)
    monkeypatch.setenv("GROUNDWORK_AIRFLOW_USER", "admin")
    monkeypatch.setenv("GROUNDWORK_AIRFLOW_PASSWORD", PASSWORD)

    result = groundwork("request", "--file", "-", stdin=json.dumps(REQUEST))

    assert result.exit_code == TRY_AGAIN
    assert f"Unavailable: Airflow at {nobody_listens} cannot be reached" in result.stderr
    assert PASSWORD not in result.output


def test_a_database_that_is_down_is_a_temporary_error(
    monkeypatch: pytest.MonkeyPatch, nobody_listens: str
) -> None:
    address = nobody_listens.removeprefix("http://")
    monkeypatch.setenv("GROUNDWORK_DATABASE_URL", f"postgresql://groundwork:{PASSWORD}@{address}/groundwork")

    result = groundwork("status")

    assert result.exit_code == TRY_AGAIN
    assert PASSWORD not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("command", "missing"),
    [("follow r", "GROUNDWORK_AIRFLOW_PASSWORD"), ("status", "GROUNDWORK_DATABASE_URL")],
)
def test_a_setting_that_is_missing_is_named(command: str, missing: str) -> None:
    result = groundwork(*command.split())

    assert result.exit_code == FAILED
    assert missing in result.stderr


def test_a_setting_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_HTTP_TIMEOUT", "soon")

    result = groundwork("status")

    assert result.exit_code == FAILED
    assert result.stderr.startswith("Misconfigured: GROUNDWORK_HTTP_TIMEOUT: ")


def test_addresses_come_from_the_env_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nobody_listens: str
) -> None:
    file = tmp_path / "env"
    file.write_text(
        f"AIRFLOW_URL=http://elsewhere.invalid\nAIRFLOW_USER=admin\nAIRFLOW_PASSWORD={PASSWORD}\n"
    )
    monkeypatch.setenv("GROUNDWORK_AIRFLOW_URL", nobody_listens)

    result = groundwork("--env-file", str(file), "follow", "r")

    assert f"Airflow at {nobody_listens} cannot be reached" in result.stderr


def test_the_sandbox_in_the_working_directory_is_found(tmp_path: Path, nobody_listens: str) -> None:
    (tmp_path / ".sandbox").mkdir()
    env = f"AIRFLOW_URL={nobody_listens}\nAIRFLOW_USER=admin\nAIRFLOW_PASSWORD=p\nGITLAB_TOKEN=unused\n"
    (tmp_path / ".sandbox" / "env").write_text(env)

    done = subprocess.run(
        [sys.executable, "-m", "groundwork.cli", "follow", "r"],
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "include"), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == TRY_AGAIN
    assert nobody_listens in done.stderr


def test_templates_are_listed_and_described() -> None:
    listed = json.loads(groundwork("templates", "--json").stdout)
    shown = json.loads(groundwork("templates", "show", "web-service", "--json").stdout)

    assert {"web-service", "scheduled-worker"} <= {item["id"] for item in listed}
    assert "image" in shown["answers_schema"]["properties"]
    assert "image" in groundwork("templates", "show", "web-service").stdout


def test_an_unknown_template_is_wrong_use_and_names_those_there_are() -> None:
    result = groundwork("templates", "show", "nope")

    assert result.exit_code == WRONG_USE
    assert "web-service" in result.stderr


def test_help_is_quick_because_it_loads_no_client_library() -> None:
    code = (
        "import sys\nfrom groundwork.cli import app\n"
        "heavy = {'airflow', 'httpx', 'psycopg', 'sqlalchemy', 'alembic', 'kubernetes', 'gitlab', 'copier'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "include")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "missing", ["GROUNDWORK_GITLAB_URL", "GROUNDWORK_GITLAB_TOKEN", "GROUNDWORK_KUBECONFIG"]
)
def test_a_diagnosis_says_what_it_lacks_to_look(missing: str) -> None:
    result = groundwork("diagnose")

    assert result.exit_code == FAILED
    assert missing in result.stderr
