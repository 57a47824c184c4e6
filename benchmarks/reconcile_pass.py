"""What a reconcile pass costs in which nothing has drifted, over many projects with three environments each.

Run it on a sandbox of its own, which it fills: `.venv/bin/python benchmarks/reconcile_pass.py --state-dir DIR`.
Flux is stopped, for it would apply thousands of repositories; what its objects would say is written in its
place. A first pass makes the records true; the second, in a process of its own, is measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from kubernetes import config
from kubernetes.client import ApiClient
from rich.console import Console

from groundwork.clients.git import Git
from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import Cluster, from_kubeconfig
from groundwork.model.entities import Kind
from groundwork.operations.reconcile import passes
from groundwork.operations.reconcile.desired import desired, target_of
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records import Records
from groundwork.records.inventory import Selection
from groundwork.resources import credentials
from groundwork.settings import get_settings
from sandbox.gitlab.faults import FaultClient
from sandbox.lifecycle import Sandbox
from sandbox.settings import Settings

console = Console(highlight=False)
ENVIRONMENTS = ("dev", "staging", "prod")
PARTS = ("postgres", "control-plane", "gitlab", "groundwork")
FLUX = ("source-controller", "kustomize-controller")
COMMIT = "c0ffee" * 6 + "beef"
SIDE_BY_SIDE = 8
FLUX_KINDS = {
    "GitRepository": "/apis/source.toolkit.fluxcd.io/v1/namespaces/{}/gitrepositories/{}/status",
    "Kustomization": "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{}/kustomizations/{}/status",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--projects", type=int, default=1000)
    arguments.add_argument("--state-dir", type=Path, default=Path(".sandbox-bench"))
    arguments.add_argument("--measure", action="store_true", help="only run a pass and print what it cost")
    chosen = arguments.parse_args()
    sandbox = Sandbox(Settings(sandbox_dir=chosen.state_dir), console)
    if chosen.measure:
        console.print(json.dumps(measured(sandbox)), soft_wrap=True)
        return
    sandbox.up(PARTS)
    for name in FLUX:
        sandbox.stop(name)
    filled(sandbox, chosen.projects)
    for number in range(3):
        cost = json.loads(subprocess.check_output([sys.executable, *sys.argv, "--measure"], text=True))
        name = "first pass, which makes the records true" if number == 0 else f"pass {number + 1}"
        console.print(f"{name}: {json.dumps(cost)}", soft_wrap=True)


def services(sandbox: Sandbox, records: Records) -> tuple[Services, dict[str, ApiClient]]:
    """What a pass works with, and the clients whose requests are counted."""
    settings, env = get_settings(), sandbox.parts.env()
    gitlab = GitLab(env["GITLAB_URL"], env["GITLAB_TOKEN"], settings.http_timeout)
    kubeconfig = str(sandbox.parts.control_plane.product_kubeconfig)  # type: ignore[union-attr]
    clients: dict[str, ApiClient] = {}

    @cache
    def cluster(name: str) -> Cluster:
        clients[name] = config.new_client_from_config(kubeconfig)
        return Cluster(name, clients[name], settings.http_timeout)

    return Services(settings, records, gitlab, Git(gitlab.token, settings.git_timeout), cluster), clients


def measured(sandbox: Sandbox) -> dict[str, Any]:
    """A pass in this process: seconds, requests by system, peak memory, and what it found."""
    env = sandbox.parts.env()
    token = sandbox.state.secret("gitlab_admin_token")
    with Records(env["DATABASE_URL"]) as records, FaultClient(env["GITLAB_URL"], token) as control:
        used, clients = services(sandbox, records)
        control.clear_journal()
        started, cpu = time.monotonic(), time.process_time()
        run = Run("reconcile_projects", uuid4().hex, "benchmark")
        ended = passes.finish(used, passes.observe_and_decide(used, run, Selection()).id)
        seconds, cpu = time.monotonic() - started, time.process_time() - cpu
        asked = [item for item in control.journal() if "/-/sandbox" not in item.path]
    return {
        "seconds": round(seconds, 1),
        "CPU seconds": round(cpu, 1),
        "requests to GitLab": len(asked),
        "of them writes": sum(item.method not in ("GET", "HEAD") for item in asked),
        "requests to the cluster": sum(_requests(client) for client in clients.values()),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "findings": ended.counts,
    }


def _requests(client: ApiClient) -> int:
    pools = client.rest_client.pool_manager.pools
    return sum(pools[key].num_requests for key in pools.keys())  # noqa: SIM118 - not a dict


def filled(sandbox: Sandbox, number: int) -> None:
    """Record projects and make what they own, as if they had been requested one by one."""
    env = sandbox.parts.env()
    with Records(env["DATABASE_URL"]) as records:
        used, _ = services(sandbox, records)
        there = len(records.inventory.read(Selection()))
        slugs = [f"bench-{index:05}" for index in range(there, number)]
        if slugs:
            ids = [uuid4() for _ in slugs]
            console.print(f"making {len(slugs)} repositories")
            made = _repositories(env, slugs, ids)
            _record(env["DATABASE_URL"], slugs, ids, made)
        console.print("making the clusters' objects")
        _objects(sandbox, used, env)


def _repositories(env: dict[str, str], slugs: list[str], ids: list[Any]) -> list[dict[str, Any]]:
    headers = {"PRIVATE-TOKEN": env["GITLAB_TOKEN"]}
    with httpx.Client(
        base_url=f"{env['GITLAB_URL']}/api/v4", headers=headers, timeout=60, trust_env=False
    ) as client:
        group = client.get("/groups/platform").raise_for_status().json()["id"]

        def make(item: tuple[str, Any]) -> dict[str, Any]:
            slug, project_id = item
            topics = ["groundwork", f"groundwork-{project_id}"]
            body = {"name": slug, "path": slug, "namespace_id": group, "topics": topics}
            found: dict[str, Any] = client.post("/projects", json=body).raise_for_status().json()
            return found

        return _each(make, zip(slugs, ids, strict=True))


def _record(url: str, slugs: list[str], ids: list[Any], made: list[dict[str, Any]]) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        organization = cursor.execute("SELECT id FROM organizations WHERE slug = 'platform'").fetchone()[0]  # type: ignore[index]
        user = cursor.execute("SELECT id FROM users WHERE username = 'demo'").fetchone()[0]  # type: ignore[index]
        environments = dict(
            cursor.execute(
                "SELECT slug, id FROM environments WHERE organization_id = %s", [organization]
            ).fetchall()
        )
        state = "'synced', 'Observed', clock_timestamp()"
        for slug, project_id, found in zip(slugs, ids, made, strict=True):
            cursor.execute(
                "INSERT INTO projects (id, organization_id, slug, name, requested_by, template_id,"
                " template_version, status, reason, observed_at, revision) VALUES"
                f" (%s, %s, %s, %s, %s, 'web-service', '1.0.0', {state}, %s)",
                [project_id, organization, slug, slug, user, COMMIT],
            )
            cursor.execute(
                "INSERT INTO repositories (project_id, path, visibility, default_branch, gitlab_id, http_url,"
                " web_url, created_by_us, status, reason, observed_at, revision) VALUES"
                f" (%s, %s, 'private', 'main', %s, %s, %s, true, {state}, %s)",
                [
                    project_id,
                    f"platform/{slug}",
                    found["id"],
                    found["http_url_to_repo"],
                    found["web_url"],
                    COMMIT,
                ],
            )
            for name in ENVIRONMENTS:
                space = f"project-{slug}-{name}"
                row = cursor.execute(
                    "INSERT INTO project_environments (project_id, environment_id, organization_id, cluster,"
                    " namespace, status, reason, observed_at, revision) VALUES"
                    f" (%s, %s, %s, 'groundwork_cluster', %s, {state}, %s) RETURNING id",
                    [project_id, environments[name], organization, space, COMMIT],
                ).fetchone()
                names = {Kind.CREDENTIALS: credentials.SECRET, Kind.NAMESPACE: space, Kind.GUARDRAILS: space}
                cursor.executemany(
                    "INSERT INTO gitops_resources (project_environment_id, kind, cluster, namespace, name,"
                    " created_by_us, status, reason, observed_at, revision) VALUES"
                    f" (%s, %s, 'groundwork_cluster', %s, %s, true, {state}, %s)",
                    [(row[0], kind, space, names.get(kind, slug), COMMIT) for kind in Kind],  # type: ignore[index]
                )


def _objects(sandbox: Sandbox, used: Services, env: dict[str, str]) -> None:
    settings = used.settings
    cluster = from_kubeconfig("groundwork_cluster", env["KUBECONFIG"], settings.http_timeout)
    admin = config.new_client_from_config(env["KUBECONFIG"])
    recorded = used.records.inventory.read(Selection())
    # The projects that the passes look into, by their turn, need tokens that are active.
    looked_into = {item.project.id for item in recorded[: 3 * settings.reconcile_looks]}

    def make(item: tuple[Any, Any]) -> None:
        project, environment = item
        target = target_of(settings, project, environment)
        if target is None or project.repository is None or project.repository.gitlab_id is None:
            raise AssertionError("a project that was just recorded has a repository")
        for kind, manifest in desired(target):
            if kind is Kind.CREDENTIALS:
                token_id = 1
                if project.project.id in looked_into:
                    ends = credentials.expiry(settings.deploy_token_days)
                    name = credentials.token_name(target)
                    token_id = used.gitlab.deploy_tokens.create(project.repository.gitlab_id, name, ends).id
                manifest["metadata"]["annotations"] = {credentials.TOKEN_ID_ANNOTATION: str(token_id)}
            stored = cluster.apply(manifest, force=True)
            if manifest["kind"] in FLUX_KINDS:
                _say_ready(admin, stored)

    there = {
        item["metadata"]["name"] for item in cluster.list("v1", "Namespace", "groundwork.dev/project-id")
    }
    _each(
        make,
        [
            (project, environment)
            for project in recorded
            for environment in project.environments
            if environment.environment.namespace not in there
        ],
    )


def _say_ready(admin: ApiClient, stored: dict[str, Any]) -> None:
    """What Flux would say of an object that it has fetched or applied."""
    generation, now = stored["metadata"]["generation"], "2026-01-01T00:00:00Z"
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": "Succeeded",
            "message": f"applied revision main@sha1:{COMMIT}",
            "observedGeneration": generation,
            "lastTransitionTime": now,
        }
        for kind in ("Ready", "Healthy")
    ]
    revision = f"main@sha1:{COMMIT}"
    status = {"observedGeneration": generation, "conditions": conditions}
    if stored["kind"] == "GitRepository":
        artifact = {"path": "x", "url": "http://x/x", "digest": f"sha256:{'0' * 64}", "lastUpdateTime": now}
        status |= {"artifact": {**artifact, "revision": revision}}
    else:
        status |= {"lastAppliedRevision": revision, "lastAttemptedRevision": revision}
    path = FLUX_KINDS[stored["kind"]].format(stored["metadata"]["namespace"], stored["metadata"]["name"])
    headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
    admin.call_api(path, "PATCH", body={"status": status}, header_params=headers, _preload_content=False)


def _each(make: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(make, items))


if __name__ == "__main__":
    main()
