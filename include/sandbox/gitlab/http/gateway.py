"""The outermost layer: addresses, headers, limits, faults, journal. Plain ASGI, so git streams pass through.

API answers are small and are held until complete, which allows `ETag`, `HEAD` and spoilt answers;
everything else is passed on piece by piece.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.gitlab.faults import spoil
from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.http.identifiers import new_ulid
from sandbox.gitlab.http.wire import Answer
from sandbox.gitlab.services.authentication import basic_credentials
from sandbox.gitlab.services.secrets import digest
from sandbox.gitlab.services.server import Server

API = "/api/v4"
_LOG = logging.getLogger("uvicorn.error")


class Gateway:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server
        self._stale = spoil.StaleAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope["path"].startswith("/-/"):
            scope["path"] = segmented(scope["raw_path"])
        request = _Request(self._server, scope, receive, send)
        try:
            if scope["path"].startswith(API + "/"):
                await self._api(request)
            else:
                await self._stream(request)
        except spoil.ConnectionEnded as ended:
            spoil.end(scope, ended.reset)
        finally:
            request.record()

    async def _api(self, request: _Request) -> None:
        fault = request.fault
        headers, over = self._server.limits.observe(_caller_key(request.scope))
        if over:
            await request.reply(spoil.retry_later(headers))
            return
        if fault is not None and fault.when == "before":
            spoilt = await spoil.before(fault, headers)
            if spoilt is not None:
                await request.reply(spoilt)
                return
        answer = await self._run(request)
        answer.add(_common_headers(request, answer) | headers)
        key = self._stale.key(request.scope)
        if fault is not None:
            answer = await spoil.after(fault, answer, self._stale.get(key))
        elif request.method == "GET":
            self._stale.keep(key, answer)
        await request.reply(answer)

    async def _run(self, request: _Request) -> Answer:
        scope = request.scope
        if request.method == "HEAD":
            scope["method"] = "GET"
        answer = Answer()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = list(message["headers"])
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        try:
            await self._app(scope, request.receive, collect)
        except Exception:
            if not answer.status:
                raise
            _LOG.exception("%s %s failed", request.method, request.path)  # the 500 is in `answer` already
        scope["method"] = request.method
        return _not_modified(scope, answer)

    async def _stream(self, request: _Request) -> None:
        fault = request.fault
        if fault is not None and fault.when == "before" and not fault.kind.startswith("git_"):
            spoilt = await spoil.before(fault, {})
            if spoilt is not None:
                await request.reply(spoilt)
                return
        await self._app(request.scope, request.receive, request.send)


class _Request:
    """One request on its way: what the journal will say of it."""

    def __init__(self, server: Server, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path = unquote(scope["raw_path"].decode("latin-1"))
        self.id = new_ulid()
        self.started = time.perf_counter()
        self._server = server
        self._send = send
        self._status = 0
        control = scope["path"].startswith("/-/")
        self.fault: Fault | None = None if control else server.faults.strike(self.method, self.path)
        scope.setdefault("state", {})
        scope["state"] |= {"fault": self.fault, "request_id": self.id, "caller": "anonymous"}

    async def send(self, message: Message) -> None:
        """Pass a message on, noting the status."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        await self._send(message)

    async def reply(self, answer: Answer) -> None:
        """Send a complete answer; HEAD gets no body."""
        length = str(len(answer.body))
        kept = [pair for pair in answer.headers if pair[0] != b"content-length"]
        if answer.status not in (204, 304):
            kept.append((b"content-length", (answer.header("x-claimed-length") or length).encode()))
        kept = [pair for pair in kept if pair[0] != b"x-claimed-length"]
        body = b"" if self.method == "HEAD" or answer.status in (204, 304) else answer.body
        await self.send({"type": "http.response.start", "status": answer.status, "headers": kept})
        if answer.header("x-claimed-length") is not None:
            await self.send({"type": "http.response.body", "body": body, "more_body": True})
            raise spoil.ConnectionEnded(reset=False)
        await self.send({"type": "http.response.body", "body": body})

    def record(self) -> None:
        """Write the request to the journal; calls of the control API itself are left out."""
        if self.scope["path"].startswith("/-/"):
            return
        route = getattr(self.scope.get("route"), "path", self.path).removeprefix(API).replace(":segment", "")
        seconds = time.perf_counter() - self.started
        caller = self.scope["state"].get("caller", "anonymous")
        fault = self.fault.kind if self.fault else None
        self._server.journal.record(self.method, self.path, route, caller, self._status, seconds, fault)


def segmented(raw_path: bytes) -> str:
    """The path with each segment decoded, but `/` and `%` inside a segment kept encoded."""
    segments = raw_path.decode("latin-1").split("/")
    return "/".join(unquote(segment).replace("%", "%25").replace("/", "%2F") for segment in segments)


def _common_headers(request: _Request, answer: Answer) -> dict[str, str]:
    headers = {
        "Cache-Control": "max-age=0, private, must-revalidate" if answer.status < 300 else "no-cache",
        "Vary": "Origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "X-Gitlab-Meta": json.dumps({"correlation_id": request.id, "version": "1"}, separators=(",", ":")),
        "X-Request-Id": request.id,
        "X-Runtime": f"{time.perf_counter() - request.started:.6f}",
    }
    if 200 <= answer.status < 300 and answer.body:
        headers["ETag"] = _etag(answer)
    return {key: value for key, value in headers.items() if answer.header(key) is None}


def _etag(answer: Answer) -> str:
    return f'W/"{hashlib.sha256(answer.body).hexdigest()[:32]}"'


def _not_modified(scope: Scope, answer: Answer) -> Answer:
    wanted = next((value.decode() for key, value in scope["headers"] if key == b"if-none-match"), None)
    if wanted is None or answer.status != 200 or wanted != _etag(answer):
        return answer
    return Answer(304, [pair for pair in answer.headers if pair[0] != b"content-type"], b"")


def _caller_key(scope: Scope) -> str:
    headers = {key.decode(): value.decode("latin-1") for key, value in scope["headers"]}
    secret = headers.get("private-token") or headers.get("authorization", "").partition(" ")[2]
    credentials = basic_credentials(headers.get("authorization", ""))
    return digest(credentials[1] if credentials else secret)[:16] if secret else ""
