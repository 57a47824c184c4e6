"""A proxy at the wire between one process and the systems it works on, for faults at an exact moment.

It passes on HTTP to GitLab (git included; the process reaches it as its `http_proxy`), HTTP to the API server
(in clear on this side, TLS with the product's certificate on the other) and Postgres' protocol. Before every
request and statement it asks a script what shall happen: pass it on, answer in the system's place, end the
connection, fall silent, or kill the process; each of the last three before it took effect or after.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from .systems import Systems

HOST = "127.0.0.1"
_ROUND_TRIPS = (b"Q", b"S")  # Query and Sync: what the client then waits for an answer to


class Channel(StrEnum):
    """Which system an event concerns."""

    GITLAB = "gitlab"
    GIT = "git"
    KUBERNETES = "kubernetes"
    POSTGRES = "postgres"


@dataclass(frozen=True)
class Event:
    """Something the process is about to do; `mutates` is whether the system may be changed by it."""

    channel: Channel
    what: str
    mutates: bool


class Do(StrEnum):
    """What becomes of an event."""

    PASS = "pass"
    ANSWER = "answer"
    CUT = "cut"
    SILENCE = "silence"
    KILL = "kill"


@dataclass(frozen=True)
class Action:
    """`after` lets the event take effect first; `answer` is a whole HTTP answer, for `Do.ANSWER`."""

    do: Do = Do.PASS
    after: bool = False
    answer: bytes = b""


Script = Callable[[Event], Action]


class Wire:
    """The proxy of one process, open inside `async with`. `script` may be another one at any time."""

    def __init__(self, systems: Systems, script: Script) -> None:
        self._systems = systems
        self.script = script
        self._victim: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> Self:
        for serve in (self._gitlab, self._kubernetes, self._postgres):
            self._servers.append(await asyncio.start_server(_hushed(serve), HOST, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()

    def is_for(self, process: int) -> None:
        """Name the process that a script may have killed."""
        self._victim.set_result(process)

    @property
    def http_proxy(self) -> str:
        return f"http://{HOST}:{self._port(0)}"

    @property
    def kubernetes_url(self) -> str:
        return f"http://{HOST}:{self._port(1)}"

    @property
    def database_url(self) -> str:
        real = urlsplit(self._systems.database_url)
        return real._replace(netloc=f"{real.username}:{real.password}@{HOST}:{self._port(2)}").geturl()

    def _port(self, number: int) -> int:
        port: int = self._servers[number].sockets[0].getsockname()[1]
        return port

    async def _gitlab(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _Request.read(reader, writer)
        target = urlsplit(request.target)
        request.target = target._replace(scheme="", netloc="").geturl()
        git = ".git/" in target.path
        pushes = target.path.endswith("git-receive-pack")
        mutates = pushes if git else request.method not in ("GET", "HEAD")
        channel = Channel.GIT if git else Channel.GITLAB
        event = Event(channel, f"{request.method} {target.path}", mutates and request.method != "GET")
        gitlab = urlsplit(self._systems.gitlab_url)
        await self._exchange(
            event, request, reader, writer, lambda: asyncio.open_connection(gitlab.hostname, gitlab.port)
        )

    async def _kubernetes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _Request.read(reader, writer)
        path = request.target.partition("?")[0]
        asks = path.endswith("accessreviews") or "dryRun=All" in request.target
        event = Event(Channel.KUBERNETES, f"{request.method} {path}", request.method != "GET" and not asks)
        server = self._systems.product
        await self._exchange(
            event,
            request,
            reader,
            writer,
            lambda: asyncio.open_connection(server.host, server.port, ssl=server.tls),
        )

    async def _exchange(
        self,
        event: Event,
        request: _Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connect: Callable[[], object],
    ) -> None:
        action = self.script(event)
        if action.do is Do.ANSWER:
            await _send(writer, action.answer)
            return
        if action.do is not Do.PASS and not action.after:
            await self._spoil(action, reader)
            return
        answer = await _answer_to(request, connect)
        if action.do is not Do.PASS:
            await self._spoil(action, reader)
            return
        await _send(writer, answer)

    async def _spoil(self, action: Action, reader: asyncio.StreamReader) -> None:
        """The connection ends when this returns."""
        if action.do is Do.KILL:
            os.kill(await self._victim, signal.SIGKILL)
        if action.do is Do.SILENCE:
            await reader.read()  # until the client gives up

    async def _postgres(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        real = urlsplit(self._systems.database_url)
        upstream = await asyncio.open_connection(real.hostname, real.port)
        session = _Session(reader, writer, *upstream)
        from_client = asyncio.ensure_future(self._statements(session))
        from_server = asyncio.ensure_future(session.answers())
        try:
            await asyncio.wait({from_client, from_server}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            upstream[1].close()
            for pump in (from_client, from_server):
                pump.cancel()
            await asyncio.gather(from_client, from_server, return_exceptions=True)

    async def _statements(self, session: _Session) -> None:
        """Pass on what the client sends until it leaves or the script spoils a message."""
        await session.start()
        while frames := await session.sent():
            passed = b""
            for kind, frame in frames:
                action = self._verdict(session, kind, frame)
                if action.do is not Do.PASS:
                    await session.forward(passed)
                    if action.after:
                        await session.take_effect(frame)
                    await self._spoil(action, session.reader)
                    return
                passed += frame
            await session.forward(passed)

    def _verdict(self, session: _Session, kind: bytes, frame: bytes) -> Action:
        if kind not in _ROUND_TRIPS:
            return Action()
        commits = kind == b"Q" and frame[5:].rstrip(b"\0").upper() == b"COMMIT"
        what = "COMMIT" if commits else "statement"
        return self.script(Event(Channel.POSTGRES, what, commits and session.dirty))


class _Session:
    """One Postgres connection. Source: PostgreSQL docs, "Message Formats"."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self.reader = reader
        self._writer = writer
        self._server_reader = server_reader
        self._server_writer = server_writer
        self._client, self._server = _Frames(), _Frames()
        self._withheld = False
        self._ready = asyncio.Event()
        self.dirty = False
        """Whether the transaction has changed rows."""

    async def start(self) -> None:
        """Pass on the first message, which alone has no type; the client must not ask for encryption."""
        size = await self.reader.readexactly(4)
        await self.forward(size + await self.reader.readexactly(int.from_bytes(size) - 4))

    async def sent(self) -> list[tuple[bytes, bytes]]:
        """The next messages of the client, none once it has left."""
        return await self._client.next(self.reader)

    async def forward(self, content: bytes) -> None:
        self._ready.clear()
        await _send(self._server_writer, content)

    async def take_effect(self, frame: bytes) -> None:
        """Pass a message on and wait until the server is done with it; the client learns nothing of it."""
        self._withheld = True
        await self.forward(frame)
        await self._ready.wait()

    async def answers(self) -> None:
        """Pass on what the server says until it ends the connection."""
        while frames := await self._server.next(self._server_reader):
            for kind, frame in frames:
                self._note(kind, frame)
            if not self._withheld:
                await _send(self._writer, b"".join(frame for _, frame in frames))

    def _note(self, kind: bytes, frame: bytes) -> None:
        if kind == b"C":
            words = frame[5:].rstrip(b"\0").split()
            self.dirty = self.dirty or (words[0] in (b"INSERT", b"UPDATE", b"DELETE") and words[-1] != b"0")
        if kind == b"Z":
            self.dirty = self.dirty and frame[5:] != b"I"
            self._ready.set()


class _Frames:
    """Splits one direction of a Postgres connection into messages."""

    def __init__(self) -> None:
        self._rest = b""

    async def next(self, reader: asyncio.StreamReader) -> list[tuple[bytes, bytes]]:
        """The next whole messages, each with its type; none at the end of the connection."""
        frames: list[tuple[bytes, bytes]] = []
        while not frames:
            received = await reader.read(65536)
            if not received:
                return []
            self._rest += received
            while len(self._rest) >= 5:
                size = 1 + int.from_bytes(self._rest[1:5])
                if len(self._rest) < size:
                    break
                frames.append((self._rest[:1], self._rest[:size]))
                self._rest = self._rest[size:]
        return frames


@dataclass
class _Request:
    """One HTTP request as it came; the connection ends after its answer."""

    method: str
    target: str
    headers: list[bytes]
    body: bytes

    @classmethod
    async def read(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Self:
        first, *headers = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n").split(b"\r\n")
        fields = dict(line.lower().split(b":", 1) for line in headers)
        if b"expect" in fields:
            await _send(writer, b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        dropped = (b"connection", b"proxy-connection", b"expect")
        kept = [line for line in headers if line.partition(b":")[0].lower() not in dropped]
        method, target, _ = first.decode("latin-1").split()
        return cls(method, target, kept, body)

    def encoded(self) -> bytes:
        first = f"{self.method} {self.target} HTTP/1.1".encode("latin-1")
        return b"\r\n".join([first, *self.headers, b"Connection: close", b"", b""]) + self.body


async def _answer_to(request: _Request, connect: Callable[[], object]) -> bytes:
    reader, writer = await connect()  # type: ignore[misc]
    try:
        await _send(writer, request.encoded())
        answer: bytes = await reader.read()
        return answer
    finally:
        writer.transport.abort()  # to close TLS properly takes longer than a run may last


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body as it is on the wire."""
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        body += size + chunk
        if len(chunk) == 2:
            return body


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(content)
    await writer.drain()


def _hushed(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]:
    """A connection that breaks, on either side, is what this is all about: it just ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await serve(reader, writer)  # type: ignore[misc]
        finally:
            writer.close()

    return handle
