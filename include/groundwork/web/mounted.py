"""What Airflow mounts: builds the web app at the first request, and refuses everybody if it cannot.

Every Airflow process loads plugins, but only the web server serves requests, so nothing heavy is imported
before one comes. An app that cannot be built, for example because a newer Airflow has moved its security
elsewhere, must not be open and must not keep Airflow from starting.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from threading import Lock
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)


class MountedApp:
    """An ASGI app that is built by `build` when first needed."""

    def __init__(self, build: Callable[[], App]) -> None:
        self._build = build
        self._lock = Lock()
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._built()(scope, receive, send)

    def _built(self) -> App:
        with self._lock:
            if self._app is None:
                try:
                    self._app = self._build()
                except Exception:
                    _log.exception("Groundwork's pages and API are closed: they could not be built")
                    self._app = refuse_everybody
            return self._app


async def refuse_everybody(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers every request with 503 (RFC 9457)."""
    del receive
    if scope["type"] != "http":
        return
    problem = {
        "type": "urn:groundwork:problem:Misconfigured",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Groundwork's pages and API could not be built, so they are closed: see the log of"
        " Airflow's web server.",
    }
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
