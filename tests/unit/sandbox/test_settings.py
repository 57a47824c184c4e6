"""Settings of the sandbox, and how its command tells about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.settings import Settings


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_SANDBOX_DIR", "/srv/sandbox")
    monkeypatch.setenv("GROUNDWORK_GITLAB_URL", "https://gitlab.example.com")
    monkeypatch.setenv("GROUNDWORK_GITLAB_TOKEN", "glpat-secret")
    settings = Settings()
    assert settings.sandbox_dir == Path("/srv/sandbox")
    assert "glpat-secret" not in repr(settings)


@pytest.mark.parametrize("lonely", ["GROUNDWORK_GITLAB_URL", "GROUNDWORK_GITLAB_TOKEN"])
def test_gitlab_url_and_token_belong_together(monkeypatch: pytest.MonkeyPatch, lonely: str) -> None:
    monkeypatch.delenv("GROUNDWORK_GITLAB_URL", raising=False)
    monkeypatch.delenv("GROUNDWORK_GITLAB_TOKEN", raising=False)
    monkeypatch.setenv(lonely, "something")
    with pytest.raises(ValidationError, match="together"):
        Settings()


@pytest.mark.parametrize("value", ["0", "-1", "soon"])
def test_the_schedulers_rest_is_a_positive_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GROUNDWORK_SCHEDULER_IDLE_SLEEP", value)
    with pytest.raises(ValidationError, match="scheduler_idle_sleep"):
        Settings()


def test_wrong_settings_end_the_command_with_two_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDWORK_GITLAB_TOKEN", raising=False)
    monkeypatch.setenv("GROUNDWORK_GITLAB_URL", "https://gitlab.example.com")
    result = CliRunner().invoke(app, ["status"])
    assert result.exit_code == 2
    assert "GROUNDWORK_GITLAB_TOKEN" in result.stderr


def test_an_unknown_part_ends_the_command_with_one_and_the_known_ones(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["up", "--state-dir", str(tmp_path / "sandbox"), "--part", "redis"])
    assert result.exit_code == 1
    assert "redis" in result.stderr
    assert "postgres" in result.stderr


def test_status_of_nothing_says_so_and_is_not_success(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--state-dir", str(tmp_path), "--json"])
    assert (result.exit_code, result.stdout.strip()) == (1, "[]")
