"""One API request: authenticate, open a unit of work, answer.

Routes take an `Api` and open `api.read()` or `api.write()`; both authenticate, check the token's
scopes against the method, and give a `Unit`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel, TypeAdapter
from sqlalchemy.orm import Session

from sandbox.gitlab.errors import InsufficientScope
from sandbox.gitlab.rules.access import READING_SCOPES, WRITING_SCOPES
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.authentication import authenticate
from sandbox.gitlab.services.server import Server, Unit
from sandbox.gitlab.store.base import now

_ANY = TypeAdapter(Any)


class Api:
    """The request as routes see it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.server: Server = request.app.state.server

    @contextmanager
    def read(self, scopes: frozenset[str] | None = None) -> Iterator[Unit]:
        """A unit that changes nothing."""
        with self.server.database.read() as db, self._moved():
            yield self._unit(db, scopes)

    @contextmanager
    def write(self, scopes: frozenset[str] | None = None) -> Iterator[Unit]:
        """A unit that is committed when the block ends well; then its `after_commit` runs."""
        with self.server.database.write() as db, self._moved():
            unit = self._unit(db, scopes)
            yield unit
        for effect in unit.after_commit:
            effect()

    @property
    def base(self) -> str:
        """The request's address without query, for `Link` headers."""
        raw: bytes = self.request.scope["raw_path"]
        return self.server.url + raw.decode()

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query, and the path's parameters as GitLab leaks them into links."""
        pairs = self.request.query_params.multi_items()
        leaked = [
            ("id", str(value)) for key, value in self.request.path_params.items() if key == "project_ref"
        ]
        return pairs + leaked

    def _unit(self, db: Session, scopes: frozenset[str] | None) -> Unit:
        caller = authenticate(db, secret_of(self.request))
        self.request.state.caller = caller.label
        reading = self.request.method in ("GET", "HEAD")
        if caller.token is not None:
            accepted = (READING_SCOPES if reading else WRITING_SCOPES) | (scopes or frozenset())
            if not caller.scopes & accepted:
                raise InsufficientScope(" ".join(sorted(accepted)))
            self.server.last_used[caller.token.id] = now()
        unit = Unit(db, self.server, caller)
        if not reading:
            _ = unit.user  # nobody changes anything without signing in
        return unit

    @contextmanager
    def _moved(self) -> Iterator[None]:
        try:
            yield
        except routing.MovedProject as moved:
            url = self.server.url + self.request.scope["raw_path"].decode()
            query = self.request.url.query
            url = f"{url}?{query}" if query else url
            raise routing.moved_answer(self.request.method, url, moved.project_id) from None


async def _api_dependency(request: Request) -> Api:
    return Api(request)


ApiRequest = Annotated[Api, Depends(_api_dependency)]


def secret_of(request: Request) -> str | None:
    """The secret a request carries: `PRIVATE-TOKEN`, bearer, or the `private_token` parameter."""
    header = request.headers.get("private-token")
    if header:
        return header
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value:
        return value.strip()
    return request.query_params.get("private_token")


def answer(
    content: BaseModel | dict[str, Any] | list[Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON answer."""
    body = _ANY.dump_json(content)
    return Response(body, status, headers, media_type="application/json")


def no_content() -> Response:
    """204, as most deletions answer."""
    return Response(status_code=204)


def accepted() -> Response:
    """202, as deletions that end later answer."""
    return answer({"message": "202 Accepted"}, 202)
