"""What is there of one project, read from GitLab, git, the cluster and Postgres. Knows no Groundwork."""

from __future__ import annotations

import os
import subprocess
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psycopg
import yaml
from psycopg.rows import dict_row

from .systems import Systems

Object = dict[str, Any]

_GROUP = "platform"
_KINDS = {
    "serviceaccounts": "/api/v1",
    "secrets": "/api/v1",
    "configmaps": "/api/v1",
    "resourcequotas": "/api/v1",
    "limitranges": "/api/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "gitrepositories": "/apis/source.toolkit.fluxcd.io/v1",
    "kustomizations": "/apis/kustomize.toolkit.fluxcd.io/v1",
}
# What Kubernetes itself puts into every namespace.
_GIVEN = ("default", "kube-root-ca.crt")
_APPLIED_BY_FLUX = "kustomize.toolkit.fluxcd.io/name"


@dataclass
class Repository:
    """One GitLab project: as the API shows it, its active deploy tokens, and what a clone holds."""

    project: Object
    tokens: list[Object]
    branches: list[str]
    commits: list[str]
    marker: Any


@dataclass
class Namespace:
    """One namespace with what is in it: `applied` from the repository by Flux, or `objects` of other origin,
    by the plural of their kind. `fetches` is whether the credentials in its Secret open the repository."""

    namespace: Object
    objects: dict[str, list[Object]]
    applied: list[Object]
    fetches: bool


@dataclass
class Reality:
    """Everything that carries one slug."""

    repositories: list[Repository] = field(default_factory=list)
    namespaces: list[Namespace] = field(default_factory=list)
    projects: list[Object] = field(default_factory=list)
    repository_rows: list[Object] = field(default_factory=list)
    environments: list[Object] = field(default_factory=list)
    resources: list[Object] = field(default_factory=list)
    operations: list[Object] = field(default_factory=list)
    steps: list[Object] = field(default_factory=list)
    leases: list[Object] = field(default_factory=list)


def read(systems: Systems, slug: str) -> Reality:
    """All there is of the project called `slug`."""
    found = Reality()
    _read_gitlab(systems, slug, found)
    _read_cluster(systems, slug, found)
    _read_records(systems, slug, found)
    return found


def _read_gitlab(systems: Systems, slug: str, found: Reality) -> None:
    headers = {"PRIVATE-TOKEN": systems.gitlab_token}
    api = f"{systems.gitlab_url}/api/v4"
    with httpx.Client(base_url=api, headers=headers, timeout=60, trust_env=False) as gitlab:
        answer = gitlab.get(f"/groups/{_GROUP}/projects", params={"search": slug, "per_page": 100})
        for project in answer.raise_for_status().json():
            tokens = gitlab.get(f"/projects/{project['id']}/deploy_tokens", params={"active": True})
            found.repositories.append(_cloned(systems, project, tokens.raise_for_status().json()))


def _cloned(systems: Systems, project: Object, tokens: list[Object]) -> Repository:
    url = project["http_url_to_repo"]
    credential = f"any:{systems.gitlab_token}"
    with TemporaryDirectory() as folder:
        git(folder, credential, "clone", "--quiet", "--mirror", url, ".")
        branches = git(folder, credential, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        commits = git(folder, credential, "rev-list", "--all").split()
        marker = git(folder, credential, "show", f"{branches[0]}:.groundwork.yaml") if branches else ""
    return Repository(project, tokens, branches, commits, yaml.safe_load(marker))


def _read_cluster(systems: Systems, slug: str, found: Reality) -> None:
    cluster = systems.cluster
    with httpx.Client(base_url=cluster.url, verify=cluster.tls, timeout=60, trust_env=False) as api:

        def items(path: str, **query: str) -> list[Object]:
            listed: list[Object] = api.get(path, params=query).raise_for_status().json()["items"]
            return [item for item in listed if item["metadata"]["name"] not in _GIVEN]

        named = [
            item
            for item in items("/api/v1/namespaces")
            if item["metadata"]["name"].startswith(f"project-{slug}-")
        ]
        for namespace in named:
            name = namespace["metadata"]["name"]
            every = {kind: items(f"{prefix}/namespaces/{name}/{kind}") for kind, prefix in _KINDS.items()}
            objects = {kind: [item for item in every[kind] if not _by_flux(item)] for kind in every}
            applied = [item for kind in every for item in every[kind] if _by_flux(item)]
            found.namespaces.append(Namespace(namespace, objects, applied, _fetches(found, objects)))


def _by_flux(item: Object) -> bool:
    return _APPLIED_BY_FLUX in (item["metadata"].get("labels") or {})


def _fetches(found: Reality, objects: dict[str, list[Object]]) -> bool:
    if len(objects["secrets"]) != 1 or len(found.repositories) != 1:
        return False
    data = objects["secrets"][0]["data"]
    credential = ":".join(b64decode(data[key]).decode() for key in ("username", "password"))
    url = found.repositories[0].project["http_url_to_repo"]
    try:
        git("/", credential, "ls-remote", url)
    except subprocess.CalledProcessError:
        return False
    return True


def _read_records(systems: Systems, slug: str, found: Reality) -> None:
    with psycopg.connect(systems.database_url, row_factory=dict_row) as records:

        def rows(sql: Any) -> list[Object]:
            return records.execute(sql, {"slug": slug}).fetchall()

        found.projects = rows("SELECT * FROM projects WHERE slug = %(slug)s")
        found.repository_rows = rows(
            "SELECT r.* FROM repositories r JOIN projects p ON p.id = r.project_id WHERE slug = %(slug)s"
        )
        found.environments = rows(
            "SELECT pe.*, e.slug FROM project_environments pe JOIN projects p ON p.id = pe.project_id"
            " JOIN environments e ON e.id = pe.environment_id WHERE p.slug = %(slug)s"
        )
        found.resources = rows(
            "SELECT g.* FROM gitops_resources g JOIN project_environments pe"
            " ON pe.id = g.project_environment_id JOIN projects p ON p.id = pe.project_id"
            " WHERE slug = %(slug)s"
        )
        found.operations = rows(
            "SELECT o.* FROM operations o JOIN projects p ON p.id = o.project_id WHERE slug = %(slug)s"
            " ORDER BY started_at"
        )
        found.steps = rows(
            "SELECT s.* FROM operation_steps s JOIN operations o ON o.id = s.operation_id"
            " JOIN projects p ON p.id = o.project_id WHERE slug = %(slug)s"
        )
        found.leases = rows(
            "SELECT l.*, expires_at > clock_timestamp() AS live FROM leases l"
            " JOIN projects p ON p.id = l.project_id WHERE slug = %(slug)s"
        )


def git(folder: str | Path, credential: str, *arguments: str) -> str:
    """What a git command printed, run with `user:password` for every server."""
    environment = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {b64encode(credential.encode()).decode()}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
