"""The one file Airflow loads from `plugins/`: registers what `groundwork` adds to Airflow's UI.

Airflow imports every file here under its bare name, so nothing else may lie in this folder.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from groundwork.orchestration.links import RepositoryLink


class GroundworkPlugin(AirflowPlugin):
    name = "groundwork"
    operator_extra_links = [RepositoryLink()]  # noqa: RUF012 - Airflow reads a plain list
