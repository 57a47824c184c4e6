"""What routes are given: the backend, records for a read, Airflow in the caller's name, threads apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, Request

from groundwork.clients.airflow import Airflow
from groundwork.errors import NotFound
from groundwork.operations.services import Services
from groundwork.records import Records
from groundwork.records.overview import Whole
from groundwork.web import requests
from groundwork.web.access import Caller, CallerDep
from groundwork.web.backend import Backend, RecordsPool

PREFIX = "/groundwork"
_APART = 8
_Result = TypeVar("_Result")


class Context:
    """One request's way to everything it may need."""

    def __init__(self, request: Request, caller: Caller) -> None:
        self.request = request
        self.caller = caller
        self.backend: Backend = request.app.state.backend
        self._pool: RecordsPool = request.app.state.pool
        self._apart: CapacityLimiter = request.app.state.apart

    @contextmanager
    def records(self) -> Iterator[Records]:
        """Records for a few short reads."""
        with self._pool.records() as records:
            yield records

    @contextmanager
    def services(self) -> Iterator[Services]:
        """GitLab and clusters too; opens connections of its own."""
        with self.backend.services() as services:
            yield services

    def airflow(self) -> Airflow:
        """Airflow's API as the caller; close it."""
        settings, caller = self.backend.settings, self.caller
        return Airflow.as_caller(self.backend.airflow_url(), caller.name, caller.token, settings.http_timeout)

    async def apart(self, work: Callable[[], _Result]) -> _Result:
        """Run `work` in a thread that is not one of the web server's own.

        What calls this same web server must not take up the threads that would answer it.
        """
        return await run_sync(work, limiter=self._apart)

    def project(self, reference: str, *, operations: int = 10) -> Whole:
        """The project of this id or slug with everything below it. Raises `NotFound`."""
        with self.records() as records:
            whole = records.overview.project(reference, operations=operations)
        if whole is None:
            raise requests.project_not_found(reference)
        return whole

    @property
    def root(self) -> str:
        """Path that Airflow itself is served under, without a slash at the end."""
        root: str = self.request.scope.get("root_path", "")
        return root.removesuffix(PREFIX)

    def page(self, *parts: str) -> str:
        """Path of one of our own pages."""
        return "/".join([f"{self.root}{PREFIX}", *(quote(part, safe="") for part in parts)])

    def run_page(self, dag_id: str, run_id: str) -> str:
        """Path of a run's page in Airflow."""
        return f"{self.root}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


async def _context(request: Request, caller: CallerDep) -> Context:  # not async would cost a thread
    return Context(request, caller)


ContextDep = Annotated[Context, Depends(_context)]


def limiter() -> CapacityLimiter:
    """For `Context.apart`."""
    return CapacityLimiter(_APART)


def found_or_none(look: Callable[[], _Result]) -> _Result | None:
    """What `look` finds, or None."""
    try:
        return look()
    except NotFound:
        return None
