"""Where the commands find Airflow and the records: the settings, or an error that names what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundwork.errors import Misconfigured
from groundwork.settings import get_settings

if TYPE_CHECKING:
    from groundwork.clients.airflow import Airflow
    from groundwork.records import Records

INITIALIZE_PROJECT = "initialize_project"


def airflow() -> Airflow:
    """Airflow's REST API. Raises `Misconfigured` when a setting for it is missing."""
    from groundwork.clients.airflow import Airflow

    settings = get_settings()
    url, user, password = settings.airflow_url, settings.airflow_user, settings.airflow_password
    if not (url and user and password):
        given = {"AIRFLOW_URL": url, "AIRFLOW_USER": user, "AIRFLOW_PASSWORD": password}
        raise Misconfigured(_missing([name for name, value in given.items() if not value]))
    return Airflow(url, user, password.get_secret_value(), settings.http_timeout)


def records() -> Records:
    """The records. Raises `Misconfigured` when their database is not set."""
    from groundwork.records import Records

    return Records(database_url())


def database_url() -> str:
    """The database of the records. Raises `Misconfigured` when it is not set."""
    url = get_settings().database_url
    if url is None:
        raise Misconfigured(_missing(["DATABASE_URL"]))
    return url.get_secret_value()


def _missing(names: list[str]) -> str:
    listed = " and ".join(f"GROUNDWORK_{name}" for name in names)
    return f"Set {listed}, or name a file that holds it with --env-file; `make up` writes the sandbox's."
