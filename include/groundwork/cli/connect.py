"""Where the commands find what they work with: the settings, or an error that names what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from groundwork.errors import Misconfigured
from groundwork.settings import get_settings

if TYPE_CHECKING:
    from groundwork.clients.airflow import Airflow
    from groundwork.operations.services import Services
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


@contextmanager
def services() -> Iterator[Services]:
    """What an operation works with, for commands that look for themselves.

    Raises `Misconfigured` when a setting is missing.
    """
    from groundwork.clients.git import Git
    from groundwork.clients.gitlab import GitLab
    from groundwork.clients.kubernetes import from_kubeconfig
    from groundwork.operations.services import Services

    settings = get_settings()
    url, token, kubeconfig = settings.gitlab_url, settings.gitlab_token, settings.kubeconfig
    if not (url and token and kubeconfig):
        given = {"GITLAB_URL": url, "GITLAB_TOKEN": token, "KUBECONFIG": kubeconfig}
        raise Misconfigured(_missing([name for name, value in given.items() if not value]))
    gitlab = GitLab(url, token.get_secret_value(), settings.http_timeout)
    with records() as opened:
        yield Services(
            settings=settings,
            records=opened,
            gitlab=gitlab,
            git=Git(gitlab.token, settings.git_timeout),
            cluster=cache(lambda name: from_kubeconfig(name, str(kubeconfig), settings.http_timeout)),
        )


def _missing(names: list[str]) -> str:
    listed = " and ".join(f"GROUNDWORK_{name}" for name in names)
    return f"Set {listed}, or name a file that holds it with --env-file; `make up` writes the sandbox's."
