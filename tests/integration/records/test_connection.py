"""The connection comes back by itself, and its errors say what to do without giving the password away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from groundwork.errors import Misconfigured, Unavailable
from groundwork.model.statuses import OperationStatus
from groundwork.records import Records
from groundwork.records.connection import connect
from groundwork.records.migrate import current_revision, migrate

from .world import World

if TYPE_CHECKING:
    from .conftest import Server

SECRET = "s3cr3t"


def test_a_restart_between_two_calls_is_not_noticed(world: World, server: Server) -> None:
    operation = world.open()
    server.stop()
    server.start()
    assert world.records.operations.get(operation.id) == operation


def test_while_the_server_is_down_it_is_unavailable(world: World, server: Server) -> None:
    operation = world.open()
    server.stop()
    try:
        with pytest.raises(Unavailable, match="did not answer"):
            world.records.operations.get(operation.id)
    finally:
        server.start()
    assert world.records.operations.close(operation.id, OperationStatus.SUCCEEDED).finished_at is not None


def test_a_closed_connection_opens_again(world: World) -> None:
    world.records.close()
    world.records.close()
    assert world.records.directory.user("demo") == world.user


@pytest.fixture
def locked(world: World) -> Iterator[int]:
    """A project that somebody else's transaction holds; the server process of that transaction."""
    project_id = world.open().project_id
    with psycopg.connect(world.dsn) as holder:
        holder.execute("SELECT FROM projects WHERE id = %s FOR UPDATE", [project_id])
        yield holder.info.backend_pid
        holder.rollback()


def test_a_connection_cut_off_in_mid_statement_is_unavailable_then_back(world: World, locked: int) -> None:
    operation = world.records.operations.list()[0]
    cut = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND %s = ANY (pg_blocking_pids(pid))
    """

    def cut_off() -> None:
        with psycopg.connect(world.dsn, autocommit=True) as other:
            while not other.execute(cut, [locked]).fetchall():
                pass

    with ThreadPoolExecutor(1) as pool:
        cutting = pool.submit(cut_off)
        with pytest.raises(Unavailable, match="terminating connection"):
            world.records.lease.renew(operation.id, 60)
        cutting.result()
    assert world.records.operations.get(operation.id) == operation


class _TimedOut(Exception):
    pass


def test_a_statement_cut_short_by_a_signal_leaves_the_records_usable(world: World, locked: int) -> None:
    operation = world.records.operations.list()[0]

    def interrupt(*_: object) -> None:
        raise _TimedOut

    before = signal.signal(signal.SIGUSR1, interrupt)
    waiting = "SELECT FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"

    def send_signal() -> None:
        with psycopg.connect(world.dsn, autocommit=True) as other:
            while not other.execute(waiting, [locked]).fetchall():
                pass
        os.kill(os.getpid(), signal.SIGUSR1)

    try:
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send_signal)
            with pytest.raises(_TimedOut):
                world.records.lease.renew(operation.id, 60)
            sending.result()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert world.records.operations.get(operation.id) == operation


def test_threads_may_share_the_records(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda number: world.open(f"p{number}", f"run-{number}"), range(20)))
    assert {operation.id for operation in world.records.operations.list()} == {each.id for each in opened}


def test_a_forked_process_has_a_connection_of_its_own(world: World) -> None:
    script = """
import os, sys
from groundwork.records import Records
records = Records(sys.argv[1])
parent = records.directory.user("demo")
child = os.fork()
if child == 0:
    same = all(records.directory.user("demo") == parent for _ in range(20))
    os._exit(0 if same else 1)
assert all(records.directory.user("demo") == parent for _ in range(20))
assert os.waitpid(child, 0)[1] == 0
records.close()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", script, world.dsn]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_connections_name_the_application(dsn: str) -> None:
    with connect(dsn) as connection:
        assert connection.execute("SHOW application_name").fetchone() == {"application_name": "groundwork"}
        assert connection.execute("SHOW statement_timeout").fetchone() == {"statement_timeout": "30s"}


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://groundwork:{SECRET}%zz@localhost/groundwork",
        f"postgresql://groundwork:{SECRET}@localhost/groundwork?nonsense={SECRET}",
        f"host=localhost password = '{SECRET}",
        f"mysql://groundwork:{SECRET}@localhost/groundwork",
        SECRET,
    ],
)
def test_an_unreadable_address_is_misconfigured_without_quoting_it(address: str) -> None:
    with Records(address) as records, pytest.raises(Misconfigured) as refused:
        records.directory.list_environments()
    assert SECRET not in _whole_text(refused.value)
    with pytest.raises(Misconfigured) as refused:
        migrate(address)
    assert SECRET not in _whole_text(refused.value)


def test_nobody_listening_is_unavailable_without_the_password(tmp_path: Path) -> None:
    address = f"postgresql://groundwork:{SECRET}@/groundwork?host={tmp_path}"
    with Records(address) as records, pytest.raises(Unavailable, match="database 'groundwork'") as refused:
        records.directory.list_environments()
    assert SECRET not in _whole_text(refused.value)
    with pytest.raises(Unavailable) as refused:
        current_revision(address)
    assert SECRET not in _whole_text(refused.value)


def test_a_missing_database_is_misconfigured(server: Server) -> None:
    with Records(server.url("nowhere")) as records, pytest.raises(Misconfigured, match="nowhere"):
        records.directory.list_environments()


def test_a_wrong_password_is_misconfigured_without_showing_it(server: Server, dsn: str) -> None:
    with connect(server.url()) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'another'")
    address = _as_role(dsn, "guarded", SECRET)
    with Records(address) as records, pytest.raises(Misconfigured, match="does not let") as refused:
        records.directory.list_environments()
    assert SECRET not in _whole_text(refused.value)


def test_a_role_without_rights_is_misconfigured(server: Server, dsn: str) -> None:
    with connect(server.url()) as connection:
        connection.execute("CREATE ROLE powerless LOGIN PASSWORD 'known'")
    with (
        Records(_as_role(dsn, "powerless", "known")) as records,
        pytest.raises(Misconfigured, match="right"),
    ):
        records.directory.list_environments()


def _as_role(dsn: str, role: str, password: str) -> str:
    return f"postgresql://{role}:{password}@{dsn.rpartition('@')[2]}"


def _whole_text(error: BaseException | None) -> str:
    """The messages of an error and of all that led to it, as a log would show them."""
    texts = []
    while error is not None:
        texts.append(f"{error!s} {error!r}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)
