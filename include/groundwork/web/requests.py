"""What callers send: the request for a project, in whose name, and what is asked for an existing one."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from groundwork.clients.airflow_runs import new_run_id
from groundwork.errors import InvalidRequest, NotAllowed, NotFound, Problem
from groundwork.model.lifecycle import AddEnvironmentsRequest, DecommissionRequest, RestoreRequest
from groundwork.model.request import ProjectRequest, Reference
from groundwork.records import Records
from groundwork.web.access import Caller

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="The same request under the same key starts nothing a second time and gets the same run;"
        " another request under it is refused with 409.",
    ),
]
InAddress = Annotated[None, Field(exclude=True), SkipJsonSchema()]
"""For a field that the address of the route gives; the body does not have it."""
_USER = Field(
    None,
    title="User",
    description="In whose name: id or user name. Left out, it is whoever is logged in; to name another takes"
    " the right to change Groundwork's connections in Airflow.",
)


class NewProject(ProjectRequest):
    """A request for a project, as `initialize_project` takes it; the user may be left out."""

    user_id: Reference | None = _USER  # type: ignore[assignment]


class Decommission(DecommissionRequest):
    """Remove a project, or only some of its environments. The address says which project."""

    project_id: InAddress = None  # type: ignore[assignment]
    user_id: Reference | None = _USER  # type: ignore[assignment]


class Restore(RestoreRequest):
    """Take a removed project back, or some of its environments. The address says which project."""

    project_id: InAddress = None  # type: ignore[assignment]
    user_id: Reference | None = _USER  # type: ignore[assignment]


class AddEnvironments(AddEnvironmentsRequest):
    """Add environments to a project. The address says which project."""

    project_id: InAddress = None  # type: ignore[assignment]
    user_id: Reference | None = _USER  # type: ignore[assignment]


OfProject = Decommission | Restore | AddEnvironments


class Answer(BaseModel):
    """The answer to an approval."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dag_id: Annotated[str, Field(min_length=1, max_length=250)]
    run_id: Annotated[str, Field(min_length=1, max_length=250)]
    task_id: Annotated[str, Field(min_length=1, max_length=250)]
    map_index: Annotated[int, Field(ge=-1, le=2**31 - 1)] = -1
    option: Annotated[str, Field(min_length=1, max_length=250)]


def requester(records: Records, caller: Caller, named: str | None) -> str:
    """The user in whose name something is done.

    Raises `InvalidRequest` when it is no user, `NotAllowed` when it is another and the caller may not.
    """
    if named is None:
        user = records.people.user(caller.name)
        if user is None:
            rule = f"'{caller.name}', who is logged in, is not a user of Groundwork: name one"
            raise InvalidRequest([Problem("user_id", rule)])
        return user.username
    try:
        user = records.directory.user(named)
    except NotFound as error:
        raise InvalidRequest([Problem("user_id", error.message)]) from error
    if user.username != caller.name and not caller.may_name_others:
        raise NotAllowed(
            f"You are logged in as '{caller.name}' and may not ask in the name of '{user.username}'."
        )
    return user.username


def run_id(caller: Caller, dag_id: str, key: str | None, slug: str) -> str:
    """The id of the run a request starts: with a key, always the same for the same caller. Pure."""
    if key is None:
        return new_run_id(slug)
    digest = hashlib.sha256("\0".join((caller.name, dag_id, key)).encode()).hexdigest()
    return f"request-key-{digest[:32]}"


def project_not_found(reference: str | UUID) -> NotFound:
    return NotFound(f"There is no project '{reference}'.")
