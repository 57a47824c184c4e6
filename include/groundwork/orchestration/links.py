"""Links from Airflow's UI to what a task works on. Source: Airflow docs, "Define an operator extra link"."""

from __future__ import annotations

from typing import Any

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
