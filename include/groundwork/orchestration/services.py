"""The services of an operation, from Airflow's connections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from groundwork.clients.git import Git
from groundwork.operations.services import Services
from groundwork.orchestration import connections
from groundwork.records import Records
from groundwork.settings import get_settings


@contextmanager
def open_services() -> Iterator[Services]:
    """Everything a step needs, opened when first used and closed on leaving."""
    settings = get_settings()
    gitlab = connections.gitlab(settings.gitlab_connection)
    with Records(connections.database_url(settings.database_connection)) as records:
        yield Services(
            settings=settings,
            records=records,
            gitlab=gitlab,
            git=Git(gitlab.token, settings.git_timeout),
            cluster=cache(connections.cluster),
        )
