"""The request: the validated input of `initialize_project`, and the one source of its form. Pure.

The JSON schema of `ProjectRequest` is what Airflow checks and draws the trigger form from, what the command
line and any portal sends, and what is stored with the operation. Rules that need a look at the world (does
the user exist, is the path free) are not here but in `operations.accept` and `operations.preflight`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from groundwork.errors import InvalidRequest, Problem
from groundwork.model import names

_Request = TypeVar("_Request", bound=BaseModel)


class Visibility(StrEnum):
    """Who sees the repository in GitLab."""

    PRIVATE = "private"
    INTERNAL = "internal"
    PUBLIC = "public"


class PendingDeletion(StrEnum):
    """What to do with the project's own repository when GitLab is about to delete it."""

    REFUSE = "refuse"
    RESTORE = "restore"


class FailurePolicy(StrEnum):
    """What becomes of what was made when the run fails."""

    KEEP = "keep"
    ROLLBACK = "rollback"
    QUARANTINE = "quarantine"


def _ruled(check: Callable[[str], str | None]) -> AfterValidator:
    """A validator whose message is the rule itself; the pattern only goes into the schema, for forms."""

    def validate(value: str) -> str:
        problem = check(value)
        if problem:
            raise PydanticCustomError("rule", "{problem}", {"problem": problem})
        return value

    return AfterValidator(validate)


def _pattern(pattern: str) -> dict[str, Any]:
    return {"pattern": pattern}


Reference = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra=_pattern(names.REFERENCE_PATTERN)),
    _ruled(names.reference_problem),
]


class RepositoryRequest(BaseModel):
    """Settings of the GitLab repository."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Repository")

    group_path: Annotated[str, Field(min_length=1, max_length=255), _ruled(names.group_path_problem)] = Field(
        title="Group",
        description="Full path of the GitLab group that holds the repository, such as `platform/backend`.",
        examples=["platform"],
        json_schema_extra=_pattern(names.GROUP_PATH_PATTERN),
    )
    visibility: Visibility = Field(
        Visibility.PRIVATE, title="Visibility", description="Who sees the repository."
    )
    default_branch: Annotated[str, Field(min_length=1, max_length=100), _ruled(names.branch_problem)] = Field(
        "main",
        title="Default branch",
        description="The branch the template is pushed to and Flux follows.",
        json_schema_extra=_pattern(names.BRANCH_PATTERN),
    )
    description: Annotated[str, Field(max_length=2000)] = Field(
        "", title="Description", description="Shown on the repository's page."
    )
    adopt: bool = Field(
        False,
        title="Adopt",
        description="Take over a repository that is there already. It keeps its settings; the template's"
        " files go into a merge request.",
    )
    on_pending_deletion: PendingDeletion = Field(
        PendingDeletion.REFUSE,
        title="If it is marked for deletion",
        description="What to do when the project's own repository is marked for deletion in GitLab:"
        " `refuse` the request, or `restore` the repository.",
    )


class ProjectRequest(BaseModel):
    """One request for a project. Users, organizations and environments are named by id or by slug."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="New project")

    name: Annotated[str, Field(min_length=1, max_length=120), _ruled(names.name_problem)] = Field(
        title="Name",
        description="The project's name as people read it.",
        examples=["Billing API"],
    )
    slug: Annotated[
        str, Field(min_length=1, max_length=names.SLUG_MAX_LENGTH), _ruled(names.slug_problem)
    ] = Field(
        title="Slug",
        description="Names the repository and, with the environment, the namespaces: lower-case letters and"
        " digits joined by single hyphens. It cannot be changed later.",
        examples=["billing-api"],
        json_schema_extra=_pattern(names.SLUG_PATTERN),
    )
    user_id: Reference = Field(title="User", description="Who asks: id or user name.", examples=["demo"])
    organization_id: Reference = Field(
        title="Organization",
        description="The organization the project belongs to: id or slug.",
        examples=["platform"],
    )
    repository: RepositoryRequest = Field(
        title="Repository", description="Settings of the GitLab repository."
    )
    template_id: Reference = Field(
        title="Template", description="What the repository starts with.", examples=["web-service"]
    )
    template_answers: dict[str, Any] = Field(
        default_factory=dict,
        title="Template answers",
        description="Answers to the template's questions; what is left out takes the template's default.",
    )
    environment_ids: Annotated[list[Reference], Field(min_length=1, max_length=20)] = Field(
        title="Environments",
        description="The environments the project runs in: ids or slugs, one per line.",
        json_schema_extra={"uniqueItems": True},
    )
    project_id: UUID | None = Field(
        None,
        title="Project id",
        description="Leave empty for a new project. Give a project's id to run it again.",
    )

    on_failure: FailurePolicy = Field(
        FailurePolicy.KEEP,
        title="If the run fails",
        description="`keep` leaves what was made, `rollback` removes what this run has made, `quarantine`"
        " archives the repository and suspends Flux.",
    )
    sync_deadline: Annotated[float, Field(ge=10, le=86400)] | None = Field(
        None,
        title="Deadline",
        description="Seconds each environment may take to become synced. Leave empty for the environment's"
        " own.",
    )
    dry_run: bool = Field(
        False,
        title="Dry run",
        description="Only print what would be done, into the log of the first task.",
    )

    @model_validator(mode="after")
    def _environments_differ(self) -> Self:
        if len(set(self.environment_ids)) != len(self.environment_ids):
            raise InvalidRequest([Problem("environment_ids", "must name each environment once")])
        return self


def parse_request(values: dict[str, Any]) -> ProjectRequest:
    """Validate raw input. Raises as `parse`."""
    return parse(ProjectRequest, values)


def parse(model: type[_Request], values: dict[str, Any]) -> _Request:
    """Validate raw input for any request.

    Raises `InvalidRequest` with every problem found, each under its field's dotted path.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = [
            Problem(".".join(str(part) for part in item["loc"]) or "request", item["msg"])
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequest(problems) from error
