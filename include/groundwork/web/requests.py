"""What callers send: the request for a project, in whose name, and what is asked for an existing one."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from groundwork.clients.airflow_runs import new_run_id
from groundwork.errors import InvalidRequest, NotAllowed, NotFound, Problem
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
_USER = Field(
    None,
    title="User",
    description="In whose name: id or user name. Left out, it is whoever is logged in; to name another takes"
    " the right to change Groundwork's connections in Airflow.",
)


class NewProject(ProjectRequest):
    """A request for a project, as `initialize_project` takes it; the user may be left out."""

    user_id: Reference | None = _USER  # type: ignore[assignment]


class RepositoryFate(StrEnum):
    """What becomes of a decommissioned project's repository."""

    ARCHIVE = "archive"
    DELETE = "delete"
    KEEP = "keep"


class _Action(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user_id: Reference | None = _USER


class Decommission(_Action):
    """Remove a project, or only some of its environments."""

    environment_ids: Annotated[list[Reference], Field(max_length=20)] = Field(
        default_factory=list, description="Slugs or ids of the environments to remove; none for all of it."
    )
    repository: RepositoryFate = RepositoryFate.ARCHIVE
    backup: bool = Field(True, description="Keep a copy of repository and manifests.")


class Restore(_Action):
    """Take back the decommissioning of a project."""


class AddEnvironments(_Action):
    """Add environments to a project."""

    environment_ids: Annotated[list[Reference], Field(min_length=1, max_length=20)]


class Reconcile(BaseModel):
    """Compare a project with what is there, now."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
