"""The instance itself: version, metadata, health, limits, faults, journal."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, ValidationError

from sandbox.gitlab.errors import ApiError, NotFound, Unauthorized
from sandbox.gitlab.faults.engine import Fault
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer, no_content
from sandbox.gitlab.services.limits import LimitSettings
from sandbox.gitlab.settings import REVISION, VERSION

router = APIRouter()
control = APIRouter(prefix="/-")

_READ_USER = frozenset({"read_user"})


class Anything(Parameters):
    """A body taken as it is."""

    model_config = ConfigDict(extra="allow")


class Since(Parameters):
    """Which journal entries are wanted."""

    after: int = 0


@router.get("/version")
def version(api: ApiRequest) -> Response:
    """GitLab's version, for those signed in."""
    with api.read(_READ_USER) as unit:
        _ = unit.user
    return answer({"version": VERSION, "revision": REVISION})


@router.get("/metadata")
def metadata(api: ApiRequest) -> Response:
    """Version and what else the instance tells of itself."""
    with api.read(_READ_USER) as unit:
        _ = unit.user
    kas = {"enabled": False, "externalUrl": None, "externalK8sProxyUrl": None, "version": None}
    return answer({"version": VERSION, "revision": REVISION, "kas": kas, "enterprise": False})


unknown = APIRouter()


@unknown.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def no_such_endpoint() -> Response:
    """Any address of the API that this server does not have."""
    return answer({"error": "404 Not Found"}, 404)


@control.get("/health")
@control.get("/liveness")
def health() -> Response:
    """That the process answers."""
    return Response("GitLab OK", media_type="text/plain")


@control.get("/readiness")
def readiness(api: ApiRequest) -> Response:
    """That the storage answers too."""
    with api.server.database.read():
        return answer({"status": "ok", "master_check": [{"status": "ok"}]})


@control.get("/sandbox/faults")
def list_faults(api: ApiRequest) -> Response:
    """The switches set."""
    _admin(api)
    return answer([fault.model_dump() for fault in api.server.faults.all()])


@control.post("/sandbox/faults")
def add_fault(api: ApiRequest, body: Annotated[Anything, Params(Anything)]) -> Response:
    """Set a switch."""
    _admin(api)
    try:
        fault = Fault.model_validate(body.model_dump())
    except ValidationError as problem:
        raise ApiError(400, {"error": str(problem)}) from None
    return answer(api.server.faults.add(fault), 201)


@control.delete("/sandbox/faults")
def clear_faults(api: ApiRequest) -> Response:
    """Take all switches away."""
    _admin(api)
    api.server.faults.clear()
    return no_content()


@control.delete("/sandbox/faults/{fault_id}")
def remove_fault(api: ApiRequest, fault_id: str) -> Response:
    """Take one switch away."""
    _admin(api)
    if not api.server.faults.remove(fault_id):
        raise NotFound("Fault")
    return no_content()


@control.get("/sandbox/journal")
def read_journal(api: ApiRequest, parameters: Annotated[Since, Params(Since)]) -> Response:
    """Requests so far."""
    _admin(api)
    entries = api.server.journal.entries(parameters.after)
    return answer([entry.model_dump(mode="json") for entry in entries])


@control.delete("/sandbox/journal")
def clear_journal(api: ApiRequest) -> Response:
    """Forget the requests so far."""
    _admin(api)
    api.server.journal.clear()
    return no_content()


@control.get("/sandbox/limits")
def read_limits(api: ApiRequest) -> Response:
    """The limits in force."""
    _admin(api)
    return answer(api.server.limits.settings)


@control.put("/sandbox/limits")
def set_limits(api: ApiRequest, body: Annotated[Anything, Params(Anything)]) -> Response:
    """Replace the limits; fields not given return to their defaults."""
    _admin(api)
    try:
        settings = LimitSettings.model_validate(body.model_dump())
    except ValidationError as problem:
        raise ApiError(400, {"error": str(problem)}) from None
    api.server.limits.configure(settings)
    return answer(settings)


def _admin(api: ApiRequest) -> None:
    with api.read() as unit:
        if unit.caller.user is None:
            raise Unauthorized
        unit.require_admin()
