"""Reading and watching Flux objects on an event loop. The only importer of `kubernetes_asyncio`.

Objects are the API's own JSON as dicts. Source of the list-then-watch protocol: Kubernetes API concepts,
"Efficient detection of changes".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiClient, CustomObjectsApi
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.watch import Watch

from groundwork.errors import TemporaryError, Unavailable

Object = dict[str, Any]
Client = ApiClient

_READ_TIMEOUT = 30
_WATCH_GRACE = 30


@dataclass(frozen=True)
class FluxKind:
    """A kind of Flux object, as the API addresses it."""

    group: str
    plural: str
    version: str = "v1"


GIT_REPOSITORY = FluxKind("source.toolkit.fluxcd.io", "gitrepositories")
KUSTOMIZATION = FluxKind("kustomize.toolkit.fluxcd.io", "kustomizations")


class WatchExpired(TemporaryError):
    """The API server no longer has the history to go on from; list again."""

    reason = "WatchExpired"


async def read_object(client: Client, kind: FluxKind, namespace: str, name: str) -> Object | None:
    """One object, or None if it is not there. Raises `Unavailable`."""
    try:
        found = await CustomObjectsApi(client).get_namespaced_custom_object(
            kind.group, kind.version, namespace, kind.plural, name, _request_timeout=_READ_TIMEOUT
        )
    except ApiException as error:
        if error.status == 404:
            return None
        raise _translated(error, kind) from error
    except (ClientError, TimeoutError, OSError) as error:
        raise _translated(error, kind) from error
    return dict(found)


async def list_objects(client: Client, kind: FluxKind, selector: str) -> tuple[list[Object], str]:
    """All objects of the cluster with these labels, and the version to watch on from."""
    try:
        found = await CustomObjectsApi(client).list_cluster_custom_object(
            kind.group, kind.version, kind.plural, label_selector=selector, _request_timeout=_READ_TIMEOUT
        )
    except (ApiException, ClientError, TimeoutError, OSError) as error:
        raise _translated(error, kind) from error
    return list(found["items"]), str(found["metadata"]["resourceVersion"])


async def watch_objects(
    client: Client, kind: FluxKind, selector: str, version: str, seconds: int
) -> AsyncIterator[tuple[str, Object]]:
    """Yield (`ADDED` | `MODIFIED` | `DELETED`, object) for at most `seconds`.

    Raises `WatchExpired` when `version` is too old and `Unavailable` when the connection is lost.
    """
    watch = Watch()
    stream = watch.stream(
        CustomObjectsApi(client).list_cluster_custom_object,
        kind.group,
        kind.version,
        kind.plural,
        label_selector=selector,
        resource_version=version,
        timeout_seconds=seconds,
        _request_timeout=seconds + _WATCH_GRACE,
    )
    try:
        async for event in stream:
            if event["type"] != "BOOKMARK":
                yield event["type"], event["raw_object"]
    except ApiException as error:
        if error.status == 410:
            raise WatchExpired(f"the watch on {kind.plural} is too old to go on") from error
        raise _translated(error, kind) from error
    except (ClientError, TimeoutError, OSError) as error:
        raise _translated(error, kind) from error
    finally:
        await watch.close()


def _translated(error: Exception, kind: FluxKind) -> Unavailable:
    detail = f"{error.status} {error.reason}" if isinstance(error, ApiException) else type(error).__name__
    return Unavailable(f"Could not read {kind.plural}: the API server answered {detail}.")
