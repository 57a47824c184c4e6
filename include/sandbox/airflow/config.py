"""What the sandbox's Airflow is told: `airflow.cfg`, the passwords file and the connections file."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.ports import HOST
from sandbox.settings import CLONE
from sandbox.state import State, write_private

USERS = ("admin", "op", "user", "viewer")
"""Names of the accounts, which are also their roles."""


def write_config(
    state: State, home: Path, *, port: int, database_url: str, idle_sleep_seconds: float
) -> None:
    """Writes `airflow.cfg` and the passwords file; secrets are made once and kept."""
    passwords = {user: state.secret(f"airflow_{user}") for user in USERS}
    passwords_file = home / "passwords.json"
    write_private(passwords_file, json.dumps(passwords))
    base_url = f"http://{HOST}:{port}"
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": CLONE / "dags",
            "plugins_folder": CLONE / "plugins",
            "executor": "LocalExecutor",
            "parallelism": 8,  # one idle worker process each: enough for two cores
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "fernet_key": state.secret("airflow_fernet_key", _fernet_key),
            "hostname_callable": "socket.gethostname",  # the default asks the network
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": ",".join(f"{user}:{user}" for user in USERS),
            "simple_auth_manager_passwords_file": passwords_file,
            "execution_api_server_url": f"{base_url}/execution/",
        },
        "database": {
            "sql_alchemy_conn": database_url.replace("postgresql://", "postgresql+psycopg2://", 1),
        },
        "api": {
            "host": HOST,
            "port": port,
            "base_url": base_url,
            "workers": 1,
            "secret_key": state.secret("airflow_secret_key"),
            "instance_name": "Groundwork sandbox",
        },
        "api_auth": {"jwt_secret": state.secret("airflow_jwt_secret", lambda: token_urlsafe(64))},
        "scheduler": {
            # What a run waits between two tasks; the price is an idle scheduler that looks more often.
            "scheduler_idle_sleep_time": idle_sleep_seconds,
        },
        # A worker whose task has just ended may notice only when it next wakes for a heartbeat.
        "workers": {"min_heartbeat_interval": 1},
        # Files that were changed are read again at once whatever the interval.
        "dag_processor": {"refresh_interval": 10, "min_file_process_interval": 120, "parsing_processes": 1},
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": json.dumps({"connections_file_path": str(connections_file(home))}),
        },
        "logging": {
            "base_log_folder": state.logs / "airflow",
            "dag_processor_child_process_log_directory": state.logs / "airflow" / "dag_processor",
            "colored_console_log": False,
        },
    }
    write_private(home / "airflow.cfg", _render(options))


def write_connections(
    home: Path, *, gitlab_url: str, gitlab_token: str, database_url: str, kubeconfig: Path
) -> None:
    """Writes the connections that Groundwork's tasks use: `groundwork_gitlab`, `_database` and `_cluster`."""
    database = urlsplit(database_url)
    connections = {
        "groundwork_gitlab": {"conn_type": "generic", "host": gitlab_url, "password": gitlab_token},
        "groundwork_database": {
            "conn_type": "postgres",
            "host": database.hostname,
            "port": database.port,
            "login": unquote(database.username or ""),
            "password": unquote(database.password or ""),
            "schema": database.path.removeprefix("/"),
            "extra": dict(parse_qsl(database.query)),
        },
        "groundwork_cluster": {"conn_type": "kubernetes", "extra": {"kube_config_path": str(kubeconfig)}},
    }
    write_private(connections_file(home), json.dumps(connections, indent=1))


def connections_file(home: Path) -> Path:
    """Where the connections lie (mode 0600)."""
    return home / "connections.json"


def _render(options: Mapping[str, Mapping[str, object]]) -> str:
    parser = RawConfigParser()
    for section, values in options.items():
        parser[section] = {key: str(value).replace("%", "%%") for key, value in values.items()}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()
