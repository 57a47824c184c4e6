"""Links from Airflow's UI to what a task works on. Source: Airflow docs, "Define an operator extra link".

Airflow keeps each address as an XCom of the task. It asks for it when the task ends in a worker; one that
ends in the triggerer has to store it under `xcom_key` before it defers.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

from groundwork.settings import get_settings


class ProjectLink(BaseOperatorLink):
    """To the page of the project that the task works on; it also tells why a request was refused."""

    name = "Project"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return project_page(ti_key.dag_id, ti_key.run_id, argument(operator, "project"))


class KustomizationLink(BaseOperatorLink):
    """To the task's environment on the project's page, which shows its Kustomization."""

    name = "Kustomization"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        page = project_page(ti_key.dag_id, ti_key.run_id)
        return f"{page}#environment-{argument(operator, 'environment')}"


class RepositoryLink(BaseOperatorLink):
    """To the project's repository in GitLab; empty until there is one."""

    name = "Repository"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        del operator
        return repository_url(ti_key.dag_id, ti_key.run_id)


def project_page(dag_id: str, run_id: str, project: str = "") -> str:
    """Address of a project's page: of the one with this slug, or of the one that a run works on."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    parts = ["projects", project] if project else ["runs", dag_id, run_id]
    return "/".join([f"{base}/groundwork", *(quote(part, safe="") for part in parts)])


def repository_url(dag_id: str, run_id: str) -> str:
    """Address of the repository of the project that a run works on, as the records know it."""
    from groundwork.orchestration import connections
    from groundwork.records import Records

    url = connections.database_url(get_settings().database_connection)
    with Records(url) as records:
        operation = records.overview.operation_of_run(dag_id, run_id)
        whole = records.overview.project(str(operation.project_id)) if operation else None
    return (whole.repository.web_url if whole and whole.repository else None) or ""


def argument(operator: Any, name: str) -> str:
    """What a task was given under this name: a sensor as an attribute, a function as an argument."""
    return str(getattr(operator, name, None) or getattr(operator, "op_kwargs", {}).get(name, ""))
