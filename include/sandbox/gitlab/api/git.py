"""Smart-HTTP git: `info/refs`, `git-upload-pack`, `git-receive-pack`, streamed through git itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from anyio import to_thread
from fastapi import Request
from starlette.types import Message, Receive, Scope, Send

from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.faults.spoil import ConnectionEnded
from sandbox.gitlab.repos import backend
from sandbox.gitlab.repos.backend import BackendFailed, ClientGone, GitProcess, GitRequest
from sandbox.gitlab.repos.pushes import Push
from sandbox.gitlab.services import pushes
from sandbox.gitlab.services.git_access import GitRefused, Granted, grant
from sandbox.gitlab.services.server import Server

RECEIVE = "git-receive-pack"
UPLOAD = "git-upload-pack"
_AT_ONCE = 32
_NO_CACHE = [("Cache-Control", "no-cache, max-age=0, must-revalidate"), ("Pragma", "no-cache")]


class GitService:
    """Serves the three addresses of a repository as plain ASGI."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path, service, service_path = _split(scope["path"], request.query_params.get("service", ""))
        fault: Fault | None = scope["state"].get("fault")
        pushing = service == RECEIVE and request.method == "POST"
        reject = fault.message if fault is not None and fault.kind == "git_reject" and pushing else ""
        if service not in (RECEIVE, UPLOAD):
            await _text(send, 403, "Please use smart HTTP: this server has no dumb protocol.\n")
            return
        try:
            authorization = request.headers.get("authorization", "")
            granted = await to_thread.run_sync(
                grant, self._server, path, authorization, service == RECEIVE, pushing, reject
            )
        except GitRefused as refused:
            await _refuse(send, refused)
            return
        scope["state"]["caller"] = granted.caller
        async with self._slots:
            await self._serve(request, granted, service_path, fault if pushing else None, send)

    async def _serve(
        self, request: Request, granted: Granted, service_path: str, fault: Fault | None, send: Send
    ) -> None:
        body = backend.pieces(request.receive)  # type: ignore[arg-type]  # ASGI messages are maps
        if fault is not None and fault.kind == "git_cut":
            body = _cut(body, fault.after_bytes)
        heard = _nothing if fault is not None and fault.kind == "git_lose_answer" else send
        try:
            async with GitProcess(self._git_request(request, granted, service_path)) as process:
                if request.method == "POST":
                    process.feed(body)
                await _start(heard, *await process.head())
                async for piece in process.body():
                    await heard({"type": "http.response.body", "body": piece, "more_body": True})
            await self._record(granted.push)
        except BackendFailed as problem:
            await _text(send, 500, f"{problem}\n")
            return
        except ClientGone:
            await self._record(granted.push)
            raise ConnectionEnded from None
        if heard is _nothing:
            raise ConnectionEnded
        await send({"type": "http.response.body", "body": b""})

    async def _record(self, push: Push | None) -> None:
        """The client hears the end of the answer only after the push's effects are recorded."""
        if push is not None:
            await to_thread.run_sync(record_push, self._server, push)

    def _git_request(self, request: Request, granted: Granted, service_path: str) -> GitRequest:
        environment = {"GITLAB_PUSH_DIR": str(granted.push.folder)} if granted.push is not None else {}
        return GitRequest(
            repository=self._server.storage.path(granted.storage),
            service_path=service_path,
            method=request.method,
            query=request.url.query,
            content_type=request.headers.get("content-type", ""),
            content_length=request.headers.get("content-length"),
            content_encoding=request.headers.get("content-encoding"),
            protocol=request.headers.get("git-protocol"),
            remote_user=granted.caller,
            config={
                "core.hooksPath": str(self._server.pushes.hooks),
                "http.receivepack": "true",
                "uploadpack.allowFilter": "true",
                "uploadpack.allowAnySHA1InWant": "true",
                "receive.autogc": "false",
                "receive.advertisePushOptions": "true",
                "transfer.fsckObjects": "false",
                "safe.directory": "*",
            },
            environment=environment,
        )


def record_push(server: Server, push: Push) -> None:
    """Record the effects of an ended push and forget its folder."""
    pushes.record_now(server, push.project_id, push.user_id, push.changes())
    push.forget()


def is_git(path: str) -> bool:
    """Whether an address belongs to smart-HTTP git."""
    return path.endswith(("/info/refs", f"/{UPLOAD}", f"/{RECEIVE}"))


def _split(path: str, asked: str) -> tuple[str, str, str]:
    if path.endswith("/info/refs"):
        repository, service, service_path = path.removesuffix("/info/refs"), asked, "info/refs"
    else:
        repository, _, service = path.rpartition("/")
        service_path = service
    return repository.strip("/").removesuffix(".git"), service, service_path


async def _cut(body: AsyncIterator[bytes], after: int) -> AsyncIterator[bytes]:
    passed = 0
    async for piece in body:
        yield piece[: max(0, after - passed)]
        passed += len(piece)
        if passed >= after:
            raise ClientGone


async def _nothing(_message: Message) -> None:
    """Where the answer of a push goes that is to be lost."""


async def _refuse(send: Send, refused: GitRefused) -> None:
    headers = [("WWW-Authenticate", 'Basic realm="GitLab"')] if refused.status == 401 else []
    await _text(send, refused.status, refused.text, headers)


async def _text(send: Send, status: int, text: str, headers: list[tuple[str, str]] | None = None) -> None:
    body = text.encode()
    sent = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        *(headers or []),
    ]
    await _start(send, status, sent)
    await send({"type": "http.response.body", "body": body})


async def _start(send: Send, status: int, headers: list[tuple[str, str]]) -> None:
    names = {name.lower() for name, _ in headers}
    extra = [] if "cache-control" in names else _NO_CACHE
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in [*headers, *extra]]
    await send({"type": "http.response.start", "status": status, "headers": raw})
