"""What every answer carries and every change needs, whatever the route: headers, and no cross-site changes.

Airflow's session cookie is sent along with requests that other sites cause. A change is therefore let through
only with a bearer token, which no other site can make a browser send, or from a page of this very origin.
Source: OWASP, "Cross-Site Request Forgery Prevention" (Fetch Metadata, and Origin where that is missing).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from groundwork.errors import NotAllowed
from groundwork.web import problems

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Protection:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["method"] not in _SAFE_METHODS and not is_own(Headers(scope=scope)):
            error = NotAllowed("Changes are not accepted from pages of other sites.")
            await problems.answer(problems.of_error(error))(scope, receive, send_protected)
            return
        await self._app(scope, receive, send_protected)


def is_own(headers: Headers) -> bool:
    """Whether a request with these headers cannot have been caused by another site. Pure."""
    if headers.get("authorization", "").lower().startswith("bearer "):
        return True
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")
