"""`git http-backend` as a streamed process: bodies pass in pieces in both directions.

Memory use does not depend on the size of a push or clone. Source: git-http-backend(1).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

_PIECE = 64 * 1024
_HEADERS = 64 * 1024


class BackendFailed(Exception):
    """git ended without a usable answer; carries what it wrote to its error output."""


class ClientGone(Exception):
    """The client ended its request early."""


@dataclass(frozen=True)
class GitRequest:
    """One smart-HTTP request, already allowed."""

    repository: Path
    service_path: str
    method: str
    query: str
    content_type: str
    content_length: str | None
    content_encoding: str | None
    protocol: str | None
    remote_user: str
    config: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)


class GitProcess:
    """A running `git http-backend`. Use as an async context manager: it never outlives the block."""

    def __init__(self, request: GitRequest) -> None:
        self._request = request
        self._process: asyncio.subprocess.Process | None = None
        self._feeding: asyncio.Task[None] | None = None

    async def __aenter__(self) -> GitProcess:
        self._process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(self._request),
            limit=_HEADERS,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientGone, OSError):
                await self._feeding
        process = self._running
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        await process.wait()

    def feed(self, body: AsyncIterator[bytes]) -> None:
        """Start passing the request's body to git."""
        self._feeding = asyncio.ensure_future(self._feed(body))

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Status and headers of git's answer."""
        stdout = self._stdout
        status, headers = 200, []
        try:
            block = await stdout.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self._raise_from_feeding()
            raise BackendFailed(await self._complaint()) from None
        for line in block.decode("latin-1").strip().splitlines():
            name, _, value = line.partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        return status, headers

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body in pieces, until git ends."""
        stdout = self._stdout
        while piece := await stdout.read(_PIECE):
            yield piece
        self._raise_from_feeding()
        await self._running.wait()

    def _raise_from_feeding(self) -> None:
        if self._feeding is not None and self._feeding.done() and not self._feeding.cancelled():
            self._feeding.result()

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the process is started by `async with`")
        return self._process

    @property
    def _stdout(self) -> asyncio.StreamReader:
        if self._running.stdout is None:
            raise RuntimeError("started with a pipe for its output")
        return self._running.stdout

    async def _feed(self, body: AsyncIterator[bytes]) -> None:
        stdin = self._running.stdin
        if stdin is None:
            raise RuntimeError("started with a pipe for its input")
        try:
            async for piece in body:
                stdin.write(piece)
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            async for _ in body:
                pass  # git has heard enough; the client must still be able to finish sending
        except ClientGone:
            os.killpg(self._running.pid, signal.SIGKILL)
            raise
        finally:
            with contextlib.suppress(OSError):
                stdin.close()

    async def _complaint(self) -> str:
        stderr = self._running.stderr
        return (await stderr.read(_HEADERS)).decode("utf-8", "replace").strip() if stderr else ""


async def pieces(receive: Callable[[], Awaitable[dict[str, object]]]) -> AsyncIterator[bytes]:
    """The body of an ASGI request, piece by piece; raises `ClientGone` when it breaks off."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body = message.get("body", b"")
        if isinstance(body, bytes) and body:
            yield body
        more = bool(message.get("more_body", False))


def _environment(request: GitRequest) -> dict[str, str]:
    values = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(request.repository),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PROJECT_ROOT": str(request.repository.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{request.repository.name}/{request.service_path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.content_type,
        "REMOTE_USER": request.remote_user,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "GIT_CONFIG_COUNT": str(len(request.config)),
    }
    for number, (key, value) in enumerate(request.config.items()):
        values[f"GIT_CONFIG_KEY_{number}"] = key
        values[f"GIT_CONFIG_VALUE_{number}"] = value
    optional = {
        "CONTENT_LENGTH": request.content_length,
        "HTTP_CONTENT_ENCODING": request.content_encoding,
        "GIT_PROTOCOL": request.protocol,
    }
    return values | {key: value for key, value in optional.items() if value} | request.environment
