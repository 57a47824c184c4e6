"""up, down and destroy: repeatable, side by side, and able to deal with what a crash leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg
import pytest

from sandbox.errors import Unhealthy, UnknownPart
from sandbox.health import wait_until
from sandbox.leftovers import MARK
from sandbox.lifecycle import Sandbox

if TYPE_CHECKING:
    from .conftest import MakeSandbox


def test_up_twice_changes_nothing(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    before = sandbox.pid("postgres"), sandbox.parts.postgres.groundwork_url
    sandbox.up(["postgres"])
    assert (sandbox.pid("postgres"), sandbox.parts.postgres.groundwork_url) == before


def test_down_stops_every_process_and_keeps_data_and_addresses(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    url = sandbox.parts.postgres.groundwork_url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    sandbox.down()
    assert _processes_of(sandbox) == []
    assert all(not row.healthy for row in sandbox.status())
    sandbox.up(["postgres"])
    assert sandbox.parts.postgres.groundwork_url == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("still here",)]


def test_down_and_destroy_of_nothing_do_nothing(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.down()
    sandbox.destroy()
    assert sandbox.status() == []


def test_destroy_leaves_nothing(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    sandbox.destroy()
    assert not sandbox.state.root.exists()
    assert _processes_of(sandbox) == []


def test_sandboxes_side_by_side_share_nothing(make_sandbox: MakeSandbox) -> None:
    pair = [make_sandbox("one"), make_sandbox("two")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda sandbox: sandbox.up(["postgres"]), pair))
    urls = {sandbox.parts.postgres.groundwork_url for sandbox in pair}
    assert len(urls) == 2
    pair[0].down()
    with psycopg.connect(pair[1].parts.postgres.groundwork_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_role_cannot_enter_the_others_database(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    foreign = sandbox.parts.postgres.groundwork_url.removesuffix("/groundwork") + "/airflow"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(foreign)


def test_a_taken_port_is_chosen_again(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    sandbox.down()
    before = psycopg.conninfo.conninfo_to_dict(sandbox.parts.postgres.groundwork_url)["port"]
    with socket.socket() as intruder:
        intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        intruder.bind(("127.0.0.1", int(before)))
        intruder.listen()
        sandbox.up(["postgres"])
        assert sandbox.parts.postgres.ports.keys() == {"postgres"}
        after = psycopg.conninfo.conninfo_to_dict(sandbox.parts.postgres.groundwork_url)["port"]
        assert after != before
        with psycopg.connect(sandbox.parts.postgres.groundwork_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_state_folder_too_deep_for_a_unix_socket(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox("deep/" * 30 + "sandbox")
    sandbox.up(["postgres"])
    assert [row.name for row in sandbox.status() if row.healthy] == ["postgres"]


def test_up_after_the_process_manager_was_killed(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    orphan = sandbox.pid("postgres")
    assert orphan is not None
    manager = int((sandbox.state.root / "supervisord.pid").read_text())
    os.kill(manager, signal.SIGKILL)
    sandbox.up(["postgres"])
    assert not psutil.pid_exists(orphan)
    assert sandbox.pid("postgres") is not None


def test_an_unknown_part_is_refused_by_name(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    with pytest.raises(UnknownPart, match="redis"):
        sandbox.up(["redis"])
    assert not sandbox.state.root.exists()


def test_a_sandbox_bound_to_a_process_goes_with_it(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        sandbox.up(["postgres"], until_exit_of=owner.pid)
        owner.kill()

    def gone() -> None:
        if sandbox.state.root.exists() or _processes_of(sandbox):
            raise Unhealthy(f"{sandbox.state.root} is still there")

    wait_until(gone, seconds=30, what="removal")


def test_secrets_and_state_are_for_their_owner_alone(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["postgres"])
    assert _mode(sandbox.state.root) == 0o700
    assert _mode(sandbox.state.root / "secrets.json") == 0o600
    secrets = [
        sandbox.state.known_secret(f"postgres_{role}") for role in ("postgres", "airflow", "groundwork")
    ]
    assert all(secrets)
    arguments = [" ".join(process.cmdline()) for process in _processes_of(sandbox)]
    assert arguments
    assert not [text for text in arguments for secret in secrets if secret and secret in text]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _processes_of(sandbox: Sandbox) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _environment(process).get(MARK) == str(sandbox.state.root)
    ]


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}
