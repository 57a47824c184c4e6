"""Runs steps of an operation as Airflow runs tasks: each in a process of its own, forked from a warm one.

A program of its own: `python task_server.py SOCKET DAG`. Each connection to the socket is a process, which
first tells its id. It is sent where its systems are, then jobs, each a line of JSON, and answers each with
how it ended; one that is killed answers no more. The server ends when its standard input does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from kubernetes.client import ApiClient, Configuration

from groundwork.clients.git import Git
from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import Cluster
from groundwork.errors import GroundworkError, SyncFailed, TemporaryError
from groundwork.operations import accept, closing, decommission, project_steps, sync
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.orchestration import decommission_steps, steps
from groundwork.orchestration import preload as preload  # imports what tasks need
from groundwork.orchestration.retry import GroundworkRetryPolicy
from groundwork.records import Records
from groundwork.resources.verdict import Outcome, Verdict
from groundwork.settings import get_settings

ROOT = Path(__file__).parents[2]
# The steps with a signature of their own; the product's tables have the others.
ACCEPT = {"initialize_project": accept.accept, "decommission_project": decommission.accept}
RECORD = {
    "record_resources": project_steps.record_resources,
    "record_removal": decommission.record_removal,
}
CLOSE = {"initialize_project": closing.close_operation, "decommission_project": decommission.close}
TABLES = {"initialize_project": steps, "decommission_project": decommission_steps}
LOOK_EVERY = 0.5


def main(path: str, dag_id: str) -> None:
    """Serve jobs until standard input ends."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    print(json.dumps(plan(dag_id)), flush=True)  # noqa: T201 - tells the one who started this that it is ready
    while True:
        ready, _, _ = select.select([server, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(connection, dag_id)
            os._exit(0)
        connection.close()


def plan(dag_id: str) -> list[dict[str, Any]]:
    """The DAG's tasks with what they wait for and how they are retried: the product's own list of steps."""
    sys.path.insert(0, str(ROOT / "dags"))
    dag = getattr(importlib.import_module(dag_id), dag_id)()
    return [
        {
            "task_id": task.task_id,
            "mapped": task.is_mapped or any(True for _ in task.iter_mapped_task_groups()),
            "upstream": sorted(task.upstream_task_ids),
            "teardown": task.is_teardown,
            "retries": task.retries,
            "retry_delay": task.retry_delay.total_seconds(),
            "backoff": task.retry_exponential_backoff,
            "max_retry_delay": task.max_retry_delay.total_seconds(),
        }
        for task in dag.topological_sort()
    ]


def _serve(connection: socket.socket, dag_id: str) -> None:
    """The life of one process: as many jobs as it is given, until one fails."""
    with connection, connection.makefile("rw") as lines:

        def say(content: dict[str, Any]) -> None:
            lines.write(json.dumps(content) + "\n")
            lines.flush()

        say({"pid": os.getpid()})
        process = json.loads(lines.readline() or "null")
        if process is None:
            return
        os.environ.update(process["environ"])
        get_settings.cache_clear()
        with _services(process) as services:
            while line := lines.readline():
                say(_outcome(services, dag_id, json.loads(line)))


def _outcome(services: Services, dag_id: str, job: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": _run(services, dag_id, job)}
    except Exception as error:
        decision = GroundworkRetryPolicy().evaluate(error, job["try_number"], job["max_tries"])
        delay = decision.retry_delay.total_seconds() if decision.retry_delay is not None else None
        return {
            "action": decision.action.value,
            "delay": delay,
            "expected": isinstance(error, GroundworkError),
            "reason": getattr(error, "reason", type(error).__name__),
            "message": str(error),
            "traceback": traceback.format_exc(),
        }


@contextmanager
def _services(process: dict[str, Any]) -> Iterator[Services]:
    settings = get_settings()
    gitlab = GitLab(process["gitlab_url"], process["gitlab_token"], settings.http_timeout)

    @cache
    def cluster(name: str) -> Cluster:
        configuration = Configuration(host=process["kubernetes_url"])
        configuration.proxy = None  # `http_proxy` is the way to GitLab alone
        return Cluster(name, ApiClient(configuration), settings.http_timeout)

    with Records(process["database_url"]) as records:
        yield Services(settings, records, gitlab, Git(gitlab.token, settings.git_timeout), cluster)


def _run(services: Services, dag_id: str, job: dict[str, Any]) -> Any:
    """One step of the DAG."""
    name, environment, tables = job["step"], job["environment"], TABLES[dag_id]
    if name == "accept_request":
        run = Run(dag_id, job["run_id"], "tester")
        return str(ACCEPT[dag_id](services, job["request"], run).id)
    operation = UUID(job["operation_id"])
    if name in RECORD:
        return RECORD[name](services, operation)
    if name == "close_operation":
        CLOSE[dag_id](services, operation)
    elif name == sync.STEP:
        _wait(services, operation, environment)
    elif name in tables.PROJECT_STEPS:
        tables.PROJECT_STEPS[name](services, operation)
    else:
        tables.ENVIRONMENT_STEPS[name](services, operation, environment)
    return None


def _wait(services: Services, operation: UUID, environment: str) -> None:
    """What the sensor does, looking again and again instead of deferring."""
    wait = sync.begin_wait(services, operation, environment)
    while not (current := _look(services, wait)).final:
        if time.time() >= wait.deadline:
            current = sync.timed_out(current)
            break
        time.sleep(LOOK_EVERY)
    if current.outcome is not Outcome.SYNCED:
        sync.record_failure(services, wait, current)
        raise SyncFailed(str(current))


def _look(services: Services, wait: sync.Wait) -> Verdict:
    try:
        return sync.look(services, wait)
    except TemporaryError as error:
        return Verdict(Outcome.WAITING, error.reason, error.message)


if __name__ == "__main__":
    main(*sys.argv[1:])
