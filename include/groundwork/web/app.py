"""The web app as a whole: every route behind Airflow's auth manager, every error a problem or a page."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from groundwork.errors import GroundworkError, TemporaryError
from groundwork.web import access, api, problems
from groundwork.web.backend import Backend, RecordsPool
from groundwork.web.context import limiter
from groundwork.web.pages import rendering, site
from groundwork.web.protection import Protection

_DESCRIPTION = """\
Ask for projects, watch them, change them. Everyone acts under their own Airflow login: send Airflow's token
as `Authorization: Bearer …`. Who may see the runs of `initialize_project` may read; who may trigger a DAG may
ask for what it does. Changes answer with the DAG run that makes them.
"""
_log = logging.getLogger(__name__)


def create_app(backend: Backend) -> FastAPI:
    """The app that Airflow mounts under `/groundwork`."""
    app = FastAPI(
        title="Groundwork",
        version="1",
        description=_DESCRIPTION,
        dependencies=[access.may_read],
        # The framework's own routes for these are not behind the dependencies; `site` has one that is.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.backend = backend
    app.state.pool = RecordsPool(backend.database_url)
    app.state.apart = limiter()
    app.include_router(api.router)
    app.include_router(site.router, include_in_schema=False)
    app.add_middleware(Protection)
    app.add_exception_handler(GroundworkError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)
    _describe_problems(app)
    return app


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, GroundworkError)  # noqa: S101 - what it is registered for
    headers = {}
    if isinstance(error, TemporaryError) and error.retry_after is not None:
        headers["Retry-After"] = str(round(error.retry_after))
    return _answer(request, problems.of_error(error), headers)


def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return _answer(request, problems.of_validation(error))


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return _answer(request, problems.of_http(error), dict(error.headers or {}))


def _on_fault(request: Request, error: Exception) -> Response:
    _log.error("%s %s broke", request.method, request.url.path, exc_info=error)
    return _answer(request, problems.of_fault())


def _answer(
    request: Request, details: problems.ProblemDetails, headers: dict[str, str] | None = None
) -> Response:
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if path.startswith("/api/") or path == "/openapi.json" or request.method not in ("GET", "HEAD"):
        return problems.answer(details, headers)
    return rendering.problem_page(request, details, headers)


def _describe_problems(app: FastAPI) -> None:
    """Put the schema of problems into the OpenAPI description, which routes only refer to."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        own = problems.ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(own.pop("$defs", {}))
        components["ProblemDetails"] = own
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
