"""Errors as problem details (RFC 9457): what went wrong, and which field of a request breaks which rule."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from groundwork import errors

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[errors.GroundworkError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PreflightFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.ProjectBusy: HTTPStatus.CONFLICT,
    errors.LeaseLost: HTTPStatus.CONFLICT,
    errors.SyncFailed: HTTPStatus.CONFLICT,
    errors.Misconfigured: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TemporaryError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_PLACES = ("body", "query", "path", "header")


class FieldProblem(BaseModel):
    """One thing wrong; `field` is a dotted path in the request."""

    field: str
    rule: str


class ProblemDetails(BaseModel):
    """What went wrong. `reason` is stable, for machines; `errors` names the fields of a bad request."""

    type: str = Field(examples=["urn:groundwork:problem:InvalidRequest"])
    title: str
    status: int
    detail: str
    reason: str
    errors: list[FieldProblem] = []


def of_error(error: errors.GroundworkError) -> ProblemDetails:
    """Problem details of one of our errors."""
    status = next(
        (_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), HTTPStatus.INTERNAL_SERVER_ERROR
    )
    problems = getattr(error, "problems", [])
    return _details(status, error.reason, error.message, [(item.field, item.rule) for item in problems])


def of_validation(error: RequestValidationError) -> ProblemDetails:
    """Problem details of a request that does not fit its schema."""
    found = [(_field(item["loc"]), str(item["msg"])) for item in error.errors()]
    told = "; ".join(f"{field}: {rule}" for field, rule in found)
    return _details(
        HTTPStatus.UNPROCESSABLE_ENTITY, "InvalidRequest", f"The request is not valid. {told}", found
    )


def of_http(error: HTTPException) -> ProblemDetails:
    """Problem details of a refusal by Airflow's auth manager or the framework."""
    status = HTTPStatus(error.status_code)
    reason = "".join(word.capitalize() for word in status.phrase.split())
    return _details(status, reason, str(error.detail), [])


def of_fault() -> ProblemDetails:
    """Problem details of a fault of ours, which the log explains."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _details(status, "InternalError", "A fault of Groundwork: Airflow's log has the traceback.", [])


def answer(details: ProblemDetails, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(
        details.model_dump(mode="json"), details.status, headers=headers, media_type=MEDIA_TYPE
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that are problems, for its OpenAPI description; these are possible anywhere."""
    always = (400, 401, 403, 422, 503)
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in sorted({*always, *statuses})
    }


def _field(location: tuple[int | str, ...]) -> str:
    parts = location[1:] if location and location[0] in _PLACES else location
    return ".".join(str(part) for part in parts) or "request"


def _details(status: HTTPStatus, reason: str, detail: str, problems: list[tuple[str, str]]) -> ProblemDetails:
    return ProblemDetails(
        type=f"urn:groundwork:problem:{reason}",
        title=status.phrase,
        status=status,
        detail=detail,
        reason=reason,
        errors=[FieldProblem(field=field, rule=rule) for field, rule in problems],
    )
