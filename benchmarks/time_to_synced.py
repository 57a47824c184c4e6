"""How long a request takes to become a synced project, against the same steps without Airflow.

Needs a running sandbox (`make up`) that does nothing else: `.venv/bin/python benchmarks/time_to_synced.py`.
Each round makes one project through Airflow's REST API and one by a bare script that calls the same steps in
one process, environments side by side. Both are timed from the request until the records say `synced`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from dotenv import dotenv_values
from kubernetes import config
from rich.console import Console

from groundwork.clients.git import Git
from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import Cluster
from groundwork.model.statuses import Status
from groundwork.operations import accept, closing, environment_steps, preflight, project_steps, sync
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records import Records
from groundwork.settings import get_settings

console = Console(highlight=False)
ENVIRONMENTS = ["dev", "staging", "prod"]
LOOK_EVERY = 0.05
Step = Callable[[Services, UUID, str], Any]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--state-dir", type=Path, default=Path(".sandbox"))
    chosen = arguments.parse_args()
    environment = {key: value or "" for key, value in dotenv_values(chosen.state_dir / "env").items()}
    kubeconfig = chosen.state_dir / "kubernetes" / "groundwork.kubeconfig"
    airflow, bare = [], []
    with Records(environment["DATABASE_URL"]) as records:
        through_airflow(environment, records)  # not counted: the first run of a process imports
        for number in range(chosen.rounds):
            airflow.append(through_airflow(environment, records))
            bare.append(by_bare_script(environment, kubeconfig))
            console.print(f"round {number + 1}: Airflow {airflow[-1]:.1f} s, bare script {bare[-1]:.1f} s")
    for name, times in (("Airflow", airflow), ("bare script", bare)):
        console.print(
            f"{name}: median {statistics.median(times):.1f} s, {min(times):.1f} to {max(times):.1f} s"
        )
    console.print(f"ratio of the medians: {statistics.median(airflow) / statistics.median(bare):.2f}")


def through_airflow(environment: dict[str, str], records: Records) -> float:
    """Seconds from the trigger until the records say `synced`."""
    request = new_request()
    with httpx.Client(base_url=environment["AIRFLOW_URL"], timeout=30, trust_env=False) as client:
        login = {"username": environment["AIRFLOW_USER"], "password": environment["AIRFLOW_PASSWORD"]}
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        started = time.monotonic()
        body = {"logical_date": None, "conf": request}
        headers = {"Authorization": f"Bearer {token}"}
        client.post("/api/v2/dags/initialize_project/dagRuns", json=body, headers=headers).raise_for_status()
    while True:
        project = records.projects.find(request["slug"])
        if project is not None and project.state.status in (Status.SYNCED, Status.FAILED):
            break
        time.sleep(LOOK_EVERY)
    if project.state.status is not Status.SYNCED:
        raise SystemExit(f"{project.slug} failed: {project.state.message}")
    return time.monotonic() - started


def by_bare_script(environment: dict[str, str], kubeconfig: Path) -> float:
    """The same steps in one process, without Airflow."""
    settings = get_settings()
    gitlab = GitLab(environment["GITLAB_URL"], environment["GITLAB_TOKEN"], settings.http_timeout)

    @cache
    def cluster(name: str) -> Cluster:
        return Cluster(name, config.new_client_from_config(str(kubeconfig)), settings.http_timeout)

    with Records(environment["DATABASE_URL"]) as records:
        services = Services(settings, records, gitlab, Git(gitlab.token, settings.git_timeout), cluster)
        started = time.monotonic()
        run = Run("benchmark", uuid4().hex, "benchmark")
        operation = accept.accept(services, new_request(), run).id
        preflight.preflight(services, operation)
        project_steps.record_resources(services, operation)
        project_steps.create_repository(services, operation)
        with ThreadPoolExecutor() as pool:
            made = [
                pool.submit(environment_steps.create_namespace, services, operation, name)
                for name in ENVIRONMENTS
            ]
            project_steps.push_template(services, operation)
            for namespace in made:
                namespace.result()
            for ended in [pool.submit(sync_environment, services, operation, name) for name in ENVIRONMENTS]:
                ended.result()
        project_steps.mark_project_synced(services, operation)
        elapsed = time.monotonic() - started
        closing.close_operation(services, operation)
    return elapsed


def sync_environment(services: Services, operation: UUID, environment: str) -> None:
    """One environment, from its credentials until it is synced."""
    steps: list[Step] = [
        environment_steps.create_credentials,
        environment_steps.create_git_repository,
        environment_steps.create_kustomization,
    ]
    for step in steps:
        step(services, operation, environment)
    wait = sync.begin_wait(services, operation, environment)
    while not sync.look(services, wait).final:
        time.sleep(LOOK_EVERY)
    sync.mark_environment_synced(services, operation, environment)


def new_request() -> dict[str, Any]:
    """A request for a project that does not exist yet."""
    slug = f"bench-{uuid4().hex[:8]}"
    return {
        "name": slug,
        "slug": slug,
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform"},
        "template_id": "web-service",
        "environment_ids": ENVIRONMENTS,
    }


if __name__ == "__main__":
    main()
