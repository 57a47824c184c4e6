"""How quickly the API answers with a page of the list when there are many projects.

Needs a sandbox that does nothing else; fills its records up to `--projects` with made-up ones, so give it one
of its own: `GROUNDWORK_SANDBOX_DIR=.sandbox-bench make up`, then
`.venv/bin/python benchmarks/list_page.py --state-dir .sandbox-bench`.
Requests go through Airflow's web server with its checks of who asks, `--concurrency` at a time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
from dotenv import dotenv_values
from rich.console import Console

console = Console(highlight=False)
FILL = """
INSERT INTO projects (organization_id, slug, name, requested_by, template_id, template_version, status,
                      reason, message, observed_at, revision, created_at)
SELECT o.id, 'bench-' || n, 'Service ' || md5(n::text), u.id,
       CASE WHEN n %% 3 = 0 THEN 'scheduled-worker' ELSE 'web-service' END, '1.0.0',
       CASE WHEN n %% 100 = 0 THEN 'failed' ELSE 'synced' END, 'Observed', 'seen', now(), 'abc',
       now() - make_interval(secs => %(many)s - n)
FROM generate_series(1, %(many)s) n, organizations o, users u
WHERE o.slug = 'platform' AND u.username = 'demo'
ON CONFLICT DO NOTHING
"""
ENVIRONMENTS = """
INSERT INTO project_environments (project_id, environment_id, organization_id, cluster, namespace, status,
                                  reason, observed_at, revision)
SELECT p.id, e.id, p.organization_id, e.cluster, 'project-' || p.slug || '-' || e.slug, 'synced', 'Observed',
       now(), 'abc'
FROM projects p JOIN environments e ON e.organization_id = p.organization_id
WHERE p.slug LIKE 'bench-%%'
ON CONFLICT DO NOTHING
"""
ASKED = {
    "first page": {},
    "failed ones": {"status": "failed"},
    "of a template": {"template_id": "web-service"},
    "search, one hit": {"search": "bench 4321"},
    "search, all hit": {"search": "service"},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--projects", type=int, default=10_000)
    arguments.add_argument("--requests", type=int, default=500)
    arguments.add_argument("--concurrency", type=int, default=10)
    arguments.add_argument("--state-dir", type=Path, default=Path(".sandbox-bench"))
    chosen = arguments.parse_args()
    environment = {key: value or "" for key, value in dotenv_values(chosen.state_dir / "env").items()}
    fill(environment["DATABASE_URL"], chosen.projects)
    with httpx.Client(base_url=environment["AIRFLOW_URL"], timeout=60, trust_env=False) as client:
        credentials = {"username": environment["AIRFLOW_USER"], "password": environment["AIRFLOW_PASSWORD"]}
        token = client.post("/auth/token", json=credentials).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        for name, query in ASKED.items():
            measure(client, name, query, 20, chosen.concurrency)  # not counted: connections and caches
            times = measure(client, name, query, chosen.requests, chosen.concurrency)
            console.print(
                f"{name}: p50 {statistics.median(times):.0f} ms, p95 {percentile(times, 0.95):.0f} ms,"
                f" worst {max(times):.0f} ms ({len(times)} requests, {chosen.concurrency} at a time)"
            )


def fill(database_url: str, many: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"many": many})
        connection.execute(ENVIRONMENTS)
        connection.execute("ANALYZE projects")
        connection.execute("ANALYZE project_environments")
        row = connection.execute("SELECT count(*) FROM projects").fetchone()
    console.print(f"{row[0] if row else 0} projects are recorded")


def measure(
    client: httpx.Client, name: str, query: dict[str, str], number: int, concurrency: int
) -> list[float]:
    """Milliseconds of each request."""

    def ask(_: int) -> float:
        began = time.perf_counter()
        answer = client.get("/groundwork/api/v1/projects", params=query)
        took = (time.perf_counter() - began) * 1000
        if answer.status_code != httpx.codes.OK or not answer.json()["items"]:
            raise SystemExit(f"{name}: {answer.status_code} {answer.text[:200]}")
        return took

    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(ask, range(number)))


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


if __name__ == "__main__":
    main()
