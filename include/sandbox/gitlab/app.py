"""The application: routes, error answers, start and end."""

from __future__ import annotations

import fcntl
import os
import secrets as random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.gitlab.api import (
    access_tokens,
    branches,
    commits,
    deploy_keys,
    deploy_tokens,
    environments,
    files,
    git,
    groups,
    hooks,
    instance,
    members,
    merge_requests,
    projects,
    protected_branches,
    repository,
    statuses,
    tags,
    topics,
    users,
    variables,
)
from sandbox.gitlab.errors import ApiError, InvalidParameters, StateInUse
from sandbox.gitlab.http.gateway import API, Gateway
from sandbox.gitlab.http.requests import answer
from sandbox.gitlab.pages import site
from sandbox.gitlab.repos.pushes import PushFolders
from sandbox.gitlab.repos.storage import RepositoryStorage
from sandbox.gitlab.services import merge_heads, namespaces, pushes, tokens
from sandbox.gitlab.services.server import Caller, Server, Unit
from sandbox.gitlab.settings import ServerSettings
from sandbox.gitlab.store.database import Database
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.webhooks.delivery import Deliveries

_FAMILIES = (
    instance,
    users,
    access_tokens,
    members,
    deploy_tokens,
    hooks,
    groups,
    projects,
    branches,
    protected_branches,
    files,
    commits,
    repository,
    tags,
    merge_requests,
    statuses,
    environments,
    variables,
    deploy_keys,
    topics,
)


def create_app(settings: ServerSettings) -> ASGIApp:
    """The whole server as one ASGI application."""
    server = _open(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        server.deliveries.close()
        server.database.close()
        os.close(server.lock)

    app = FastAPI(title="GitLab sandbox", openapi_url=None, lifespan=lifespan, redirect_slashes=False)
    app.state.server = server
    for family in _FAMILIES:
        app.include_router(family.router, prefix=API)
    app.include_router(instance.unknown, prefix=API)
    app.include_router(instance.control)
    app.mount("/", _Addresses(git.GitService(server), site.create_site(server)))
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(OverflowError, _no_such_number)
    app.add_exception_handler(Exception, _broken)
    return Gateway(app, server)


class _Addresses:
    """Everything outside the API: git's addresses and the pages share `/group/project`."""

    def __init__(self, git_service: ASGIApp, pages: ASGIApp) -> None:
        self._git = git_service
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chosen = self._git if git.is_git(scope["path"]) else self._pages
        await chosen(scope, receive, send)


def _open(settings: ServerSettings) -> Server:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    settings.state_dir.chmod(0o700)
    lock = _claim(settings.state_dir)
    database = Database(settings.database_path)
    server = Server(
        settings=settings,
        database=database,
        storage=RepositoryStorage(settings.state_dir, settings.default_branch),
        pushes=PushFolders(settings.state_dir),
        deliveries=Deliveries(database, settings.hook_timeout),
        lock=lock,
    )
    _recover(server)
    _seed(server)
    return server


def _claim(state_dir: Path) -> int:
    """Take the folder for this process; the lock ends with the process, however it ends."""
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StateInUse(state_dir) from None
    return descriptor


def _recover(server: Server) -> None:
    """Finish what a killed process left: pushes whose effects were not recorded, folders without row."""
    for push in server.pushes.unfinished():
        git.record_push(server, push)
    with server.database.write() as db:
        unit = Unit(db, server, Caller())
        for project in db.execute(select(Project).where(Project.empty)).scalars().unique().all():
            pushes.finish_first_push(unit, project)
        merge_heads.refresh_all(unit)
        known = set(db.execute(select(Project.storage)).scalars())
    server.storage.sweep(known)


def _seed(server: Server) -> None:
    """Make `root` and its token on the first start."""
    with server.database.write() as db:
        if db.execute(select(User.id)).first() is not None:
            return
        unit = Unit(db, server, Caller())
        root = namespaces.create_user(
            unit, {"username": "root", "name": "Administrator", "email": "root@localhost", "admin": True}
        )
        given = server.settings.admin_token
        secret = given.get_secret_value() if given else "glpat-" + random.token_urlsafe(20)
        scopes = ["api", "read_repository", "write_repository", "sudo", "admin_mode"]
        tokens.create(db, user_id=root.id, name="initial", scopes=scopes, expires_at=None, secret=secret)
        if given is None:
            _leave(server.settings, secret)


def _leave(settings: ServerSettings, secret: str) -> None:
    descriptor = os.open(settings.admin_token_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)


def _api_error(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, ApiError):
        raise problem
    return answer(problem.body, problem.status, problem.headers)


def _invalid(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, RequestValidationError):
        raise problem
    names = [str(error["loc"][-1]) for error in problem.errors()]
    if "kind" in names:
        return answer({"error": "404 Not Found"}, 404)
    return _api_error(_request, InvalidParameters(", ".join(f"{name} is invalid" for name in names)))


def _http_error(_request: Request, problem: Exception) -> Response:
    if not isinstance(problem, HTTPException):
        raise problem
    text = {404: "404 Not Found", 405: "405 Not Allowed"}.get(problem.status_code, str(problem.detail))
    return answer({"error": text}, problem.status_code)


def _no_such_number(_request: Request, _problem: Exception) -> Response:
    """A number too large for the database is the id of nothing."""
    return answer({"message": "404 Not Found"}, 404)


def _broken(_request: Request, _problem: Exception) -> Response:
    return answer({"message": "500 Internal Server Error"}, 500)
