"""What the process manager is told survives its own configuration syntax."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from sandbox.program import Program
from sandbox.state import State
from sandbox.supervision import Supervisor, base_environment


@pytest.mark.parametrize(
    "value", ["plain", "with space", "100%", "%(here)s", 'quote"d', "it's", "back\\slash", "a,b=c", "ünïcode"]
)
def test_arguments_and_environment_arrive_unchanged(tmp_path: Path, value: str) -> None:
    state = State(tmp_path / "state")
    state.create()
    program = Program("one", ["/bin/echo", value], lambda _started: None, environment={"KEY": value})
    config = tmp_path / "supervisord.conf"
    config.write_text(Supervisor(state, {}).render([program]))
    options = ServerOptions()
    options.realize(["--configuration", str(config)])
    parsed = options.process_group_configs[0].process_configs[0]
    assert parsed.environment["KEY"] == value
    assert shlex.split(parsed.command) == ["/bin/echo", value]


def test_settings_of_the_caller_do_not_steer_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AIRFLOW__CORE__EXECUTOR",
        "GROUNDWORK_KUBECONFIG",
        "KUBECONFIG",
        "PGHOST",
        "PYTHONPATH",
        "GIT_DIR",
    ):
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("NO_PROXY", "example.com")
    environment = base_environment()
    assert "elsewhere" not in environment.values()
    assert environment["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert environment["PATH"] == os.environ["PATH"]
