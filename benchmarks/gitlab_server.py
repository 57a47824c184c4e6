"""How fast the sandbox's GitLab server is: rates on this machine, and their ratio to a bare loopback request.

Run: `PYTHONPATH=include python benchmarks/gitlab_server.py [--clients 8] [--seconds 5]`. It starts a server
of its own in a temporary folder. A rate depends on the machine; the ratio (how many `/-/health` answers one
operation costs) travels better.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).resolve().parents[1]
_NUMBERS = count()


def main(
    clients: Annotated[int, typer.Option(help="Clients at the same time.", min=1)] = 8,
    seconds: Annotated[float, typer.Option(help="Length of each measurement.", min=0.5)] = 5,
) -> None:
    """Measure and print."""
    with _server() as (url, token), _client(url, token) as client:
        body = {"name": "measured", "initialize_with_readme": True}
        project = client.post("/api/v4/projects", json=body).raise_for_status().json()
        address = f"/api/v4/projects/{project['id']}"
        path = f"/api/v4/projects/{project['path_with_namespace'].replace('/', '%2F')}"
        operations: dict[str, Callable[[httpx.Client], httpx.Response]] = {
            "bare answer": lambda http: http.get("/-/health"),
            "read a project by id": lambda http: http.get(address),
            "read a project by path": lambda http: http.get(path),
            "read a branch": lambda http: http.get(f"{address}/repository/branches/main"),
            "read a file": lambda http: http.get(f"{address}/repository/files/README.md?ref=main"),
            "list 20 projects": lambda http: http.get("/api/v4/projects"),
            "create a project": lambda http: http.post("/api/v4/projects", json={"name": _name()}),
            "create a project with README": lambda http: http.post(
                "/api/v4/projects", json={"name": _name(), "initialize_with_readme": True}
            ),
            "commit a file": lambda http: http.post(f"{address}/repository/files/{_name()}", json=_FILE),
            "git info/refs": lambda http: http.get(
                f"/{project['path_with_namespace']}.git/info/refs?service=git-upload-pack", auth=("x", token)
            ),
        }
        rates = {name: _rate(url, token, call, clients, seconds) for name, call in operations.items()}
    _print(rates, clients)


_FILE = {"branch": "main", "content": "text", "commit_message": "add"}


def _name() -> str:
    return f"project-{next(_NUMBERS)}"


def _rate(
    url: str, token: str, call: Callable[[httpx.Client], httpx.Response], clients: int, seconds: float
) -> float:
    """Answers per second of several clients at once."""

    def run(_: int) -> int:
        done = 0
        with _client(url, token) as client:
            call(client).raise_for_status()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                call(client).raise_for_status()
                done += 1
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        total = sum(pool.map(run, range(clients)))
    return total / (time.perf_counter() - started)


def _print(rates: dict[str, float], clients: int) -> None:
    table = Table(title=f"GitLab server, {clients} clients, {os.cpu_count()} cores (clients included)")
    for heading in ("operation", "per second", "bare answers it costs"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.0f}", f"{rates['bare answer'] / rate:.1f}")
    Console().print(table)


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"PRIVATE-TOKEN": token}, timeout=60)


@contextmanager
def _server() -> Iterator[tuple[str, str]]:
    token = f"glpat-{secrets.token_urlsafe(20)}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PYTHONPATH": str(_ROOT / "include"), "GITLAB_ADMIN_TOKEN": token}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "sandbox.gitlab", "serve", "--state-dir", f"{folder}/state"]
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            _wait(url, process)
            yield url, token
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/-/readiness").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    typer.run(main)
