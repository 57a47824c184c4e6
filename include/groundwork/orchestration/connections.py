"""Clients from Airflow connections. The only importer of the Kubernetes provider's hooks.

Secrets are read here, at the moment of use, from whatever secrets backend Airflow has; only connection ids
travel. Source: Airflow docs, "Managing Connections".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from airflow.configuration import conf
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook, KubernetesHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import Cluster
from groundwork.errors import Misconfigured
from groundwork.settings import get_settings

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from groundwork.clients.kubernetes_watch import Client


def gitlab(connection_id: str) -> GitLab:
    """GitLab as the owner of the connection's token. Blocks; not for an event loop."""
    return _gitlab(_connection(connection_id))


async def gitlab_async(connection_id: str) -> GitLab:
    """As `gitlab`, read without blocking; the client itself still blocks."""
    return _gitlab(await BaseHook.aget_connection(connection_id))


def cluster(connection_id: str) -> Cluster:
    """The cluster a `kubernetes` connection reaches. Raises `Misconfigured` without one."""
    _connection(connection_id)
    hook = KubernetesHook(conn_id=connection_id)
    return Cluster(connection_id, hook.get_conn(), get_settings().http_timeout)


@asynccontextmanager
async def cluster_async(connection_id: str) -> AsyncIterator[Client]:
    """An asynchronous client for a `kubernetes` connection, closed on leaving."""
    async with AsyncKubernetesHook(conn_id=connection_id).get_conn() as client:
        yield client


def database_url(connection_id: str) -> str:
    """The URL of Groundwork's database from a `postgres` connection. Contains the password: never log it."""
    connection = _connection(connection_id)
    if not (connection.host and connection.login and connection.schema):
        raise Misconfigured(
            f"Airflow connection {connection_id} needs host, login and schema (the database)."
        )
    password = quote(connection.password or "", safe="")
    user = quote(connection.login, safe="")
    return (
        f"postgresql://{user}:{password}@{connection.host}:{connection.port or 5432}"
        f"/{quote(connection.schema, safe='')}?{urlencode(connection.extra_dejson)}"
    )


def airflow_url() -> str:
    """Where Airflow's web server is reached: as the setting says, or its `base_url`, or on this machine."""
    given = get_settings().airflow_url or conf.get("api", "base_url", fallback="")
    return str(given or f"http://localhost:{conf.getint('api', 'port')}").rstrip("/")


def _connection(connection_id: str) -> Connection:
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise Misconfigured(
            f"Airflow has no connection '{connection_id}'. Create it, or name another one in Groundwork's"
            " settings (docs/operations.md)."
        ) from error


def _gitlab(connection: Connection) -> GitLab:
    if not (connection.host and connection.password):
        raise Misconfigured(
            f"Airflow connection {connection.conn_id} needs host (GitLab's URL) and password (a token)."
        )
    mask_secret(connection.password)
    return GitLab(connection.host, connection.password, get_settings().http_timeout)
