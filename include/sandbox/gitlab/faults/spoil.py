"""How each fault looks on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import OrderedDict

from starlette.types import Scope

from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.http.wire import Answer

_KEPT_ANSWERS = 2000
_BAD_GATEWAY = b"""<html>\r
<head><title>502 Bad Gateway</title></head>\r
<body>\r
<center><h1>502 Bad Gateway</h1></center>\r
<hr><center>nginx</center>\r
</body>\r
</html>\r
"""
_ENDPOINT_LIMIT = b'{"message":{"error":"This endpoint has been requested too many times. Try again later."}}'


class ConnectionEnded(Exception):
    """The connection is to be ended now, without a further word: reset, or closed after what was sent."""

    def __init__(self, reset: bool = True) -> None:
        super().__init__()
        self.reset = reset


def retry_later(headers: dict[str, str]) -> Answer:
    """The request limiter's 429: plain text, not JSON."""
    return _make(429, b"Retry later\n", "text/plain", headers)


def endpoint_limit(retry_after: int | None) -> Answer:
    """A single endpoint's 429: JSON, without `Retry-After` before GitLab 18.5."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return _make(429, _ENDPOINT_LIMIT, "application/json", headers)


async def before(fault: Fault, limit_headers: dict[str, str]) -> Answer | None:
    """The answer given instead of running the request; None when the request runs all the same."""
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay)
        return None
    return await _instead(fault, limit_headers)


async def after(fault: Fault, answer: Answer, stale: Answer | None) -> Answer:
    """The answer given although the request took effect."""
    if fault.kind == "truncated":
        kept = answer.body[: min(fault.after_bytes, max(0, len(answer.body) - 1))]
        answer.add({"x-claimed-length": str(len(answer.body))})
        answer.body = kept
        return answer
    if fault.kind == "empty_list":
        return _emptied(answer)
    if fault.kind == "stale_read":
        return stale or _make(404, b'{"message":"404 Not found"}', "application/json", {})
    if fault.when == "before":
        return answer
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay)
        return answer
    return await _instead(fault, {}) or answer


def end(scope: Scope, reset: bool) -> None:
    """End the TCP connection the request came on."""
    transport = scope.get("extensions", {}).get("sandbox.transport")
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class StaleAnswers:
    """The last answer per address and caller, for reads that come back old."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, str, str], Answer] = OrderedDict()

    def key(self, scope: Scope) -> tuple[str, str, str]:
        """What tells two reads apart."""
        return (
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            scope["state"]["caller"],
        )

    def get(self, key: tuple[str, str, str]) -> Answer | None:
        """The answer given before."""
        return self._answers.get(key)

    def keep(self, key: tuple[str, str, str], answer: Answer) -> None:
        """Remember an answer; the oldest are dropped."""
        self._answers[key] = answer
        self._answers.move_to_end(key)
        if len(self._answers) > _KEPT_ANSWERS:
            self._answers.popitem(last=False)


async def _instead(fault: Fault, limit_headers: dict[str, str]) -> Answer | None:
    retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.kind == "too_many_requests":
        return retry_later({**limit_headers, "RateLimit-Remaining": "0", **retry})
    if fault.kind == "endpoint_limit":
        return endpoint_limit(fault.retry_after)
    if fault.kind == "internal_error":
        return _make(500, b'{"message":"500 Internal Server Error"}', "application/json", {})
    if fault.kind == "bad_gateway":
        return _make(502, _BAD_GATEWAY, "text/html", {})
    if fault.kind == "unauthorized":
        return _make(401, b'{"message":"401 Unauthorized"}', "application/json", {})
    if fault.kind == "connection_reset":
        raise ConnectionEnded
    if fault.kind == "timeout":
        await asyncio.sleep(fault.delay)
        raise ConnectionEnded
    return None


def _emptied(answer: Answer) -> Answer:
    if not answer.body.startswith(b"["):
        return answer
    dropped = {b"link", b"x-total", b"x-total-pages", b"x-next-page", b"etag"}
    kept = [pair for pair in answer.headers if pair[0].lower() not in dropped]
    emptied = _make(200, b"[]", "application/json", {"X-Total": "0", "X-Total-Pages": "1", "X-Next-Page": ""})
    emptied.headers += [pair for pair in kept if pair[0] not in (b"content-type", b"content-length")]
    return emptied


def _make(status: int, body: bytes, kind: str, headers: dict[str, str]) -> Answer:
    made = Answer(status, [], body)
    made.add({"Content-Type": kind, **headers})
    return made
