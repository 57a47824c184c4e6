"""The one file Airflow loads from `plugins/`: registers what `groundwork` adds to Airflow's UI.

Airflow imports every file here under its bare name, so nothing else may lie in this folder. Every process of
Airflow loads it, tasks too, so what only the web server needs is imported when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.plugins_manager import AirflowPlugin

from groundwork.orchestration.deadlines import RunCreated
from groundwork.orchestration.links import KustomizationLink, ProjectLink, RepositoryLink
from groundwork.orchestration.notes import RunNotes
from groundwork.web.mounted import MountedApp

if TYPE_CHECKING:
    from groundwork.web.mounted import App

_PAGES = {"projects": "Projects", "new": "New project", "approvals": "Approvals", "health": "Health"}


def _build() -> App:
    from groundwork.orchestration import connections
    from groundwork.orchestration.services import open_services
    from groundwork.settings import get_settings
    from groundwork.web.app import create_app
    from groundwork.web.backend import Backend

    settings = get_settings()
    backend = Backend(
        settings=settings,
        database_url=lambda: connections.database_url(settings.database_connection),
        services=open_services,
        airflow_url=connections.airflow_url,
    )
    return create_app(backend)


class GroundworkPlugin(AirflowPlugin):
    name = "groundwork"
    listeners = [RunNotes()]  # noqa: RUF012
    operator_extra_links = [  # noqa: RUF012 - Airflow reads plain lists
        ProjectLink(),
        RepositoryLink(),
        KustomizationLink(),
    ]
    deadline_references = [RunCreated]  # noqa: RUF012
    fastapi_apps = [  # noqa: RUF012
        {"app": MountedApp(_build), "url_prefix": "/groundwork", "name": "Groundwork"}
    ]
    external_views = [  # noqa: RUF012
        *(
            {
                "name": title,
                "href": f"/groundwork/{path}",
                "destination": "nav",
                "category": "Groundwork",
                "url_route": f"groundwork-{path}",
            }
            for path, title in _PAGES.items()
        ),
        {
            "name": "Project",
            "href": "/groundwork/runs/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "groundwork-run",
        },
    ]
