"""Links from Airflow's UI to what a task works on. Source: Airflow docs, "Define an operator extra link"."""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink


class RepositoryLink(BaseOperatorLink):
    """To the project's repository in GitLab.

    Airflow keeps the address as an XCom of the task. It asks for it when the task ends in a worker; one that
    ends in the triggerer has to store it under `xcom_key` before it defers.
    """

    name = "Repository"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        del ti_key
        return str(getattr(operator, "repository_url", None) or "")


class KustomizationLink(BaseOperatorLink):
    """To the environment on the project's page, which shows its Kustomization; kept as `RepositoryLink`."""

    name = "Kustomization"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        del ti_key
        return str(getattr(operator, "environment_page", None) or "")


def environment_page(project: str, environment: str) -> str:
    """Address of an environment on its project's page; both are slugs."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}/groundwork/projects/{project}#environment-{environment}"
