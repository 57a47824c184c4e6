"""Whatever dies is started again and gets healthy, and nothing of its former self stays behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from sandbox.errors import Unhealthy, UnknownPart
from sandbox.health import wait_until

if TYPE_CHECKING:
    from sandbox.lifecycle import ProgramStatus, Sandbox

    from .conftest import MakeSandbox

_CLUSTER = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "source-controller",
    "kustomize-controller",
    "notification-controller",
]


def test_killed_programs_come_back(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres", "control-plane", "gitlab"])
    _kill_and_expect_back(sandbox, ["postgres", "gitlab", *_CLUSTER])


@pytest.mark.timeout(300)
def test_killed_airflow_comes_back_without_its_old_workers(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres", "airflow"])
    parents = ["airflow-scheduler", "airflow-triggerer"]
    children = [
        child for name in parents for child in psutil.Process(sandbox.pid(name)).children(recursive=True)
    ]
    assert children
    _kill_and_expect_back(sandbox, parents)
    assert not [child for child in children if child.is_running()]


def test_a_stopped_program_stays_stopped_until_started(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    sandbox.stop("postgres")
    assert sandbox.pid("postgres") is None
    assert not _row(sandbox, "postgres").healthy
    sandbox.start("postgres")
    assert _row(sandbox, "postgres").healthy


def test_a_hanging_program_is_not_called_healthy(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["gitlab"])
    sandbox.signal("gitlab", "STOP")
    hanging = _row(sandbox, "gitlab")
    sandbox.signal("gitlab", "CONT")
    assert not hanging.healthy
    assert "/-/health" in hanging.detail
    sandbox.wait_healthy("gitlab")


def test_an_unknown_program_is_refused_by_name(make_sandbox: MakeSandbox) -> None:
    with pytest.raises(UnknownPart, match="redis"):
        make_sandbox().restart("redis")


def _kill_and_expect_back(sandbox: Sandbox, names: list[str]) -> None:
    before = {name: sandbox.pid(name) for name in names}
    for name in names:
        sandbox.signal(name, "KILL")

    def replaced() -> None:
        old = [name for name in names if sandbox.pid(name) in (None, before[name])]
        if old:
            raise Unhealthy(f"{', '.join(old)} not restarted")

    wait_until(replaced, seconds=60, what="restart")
    for name in names:
        sandbox.wait_healthy(name)


def _row(sandbox: Sandbox, name: str) -> ProgramStatus:
    return next(row for row in sandbox.status() if row.name == name)
