"""Requests about a project that exists: to remove it, take it back, let it grow, renew its tokens. Pure.

As with `model.request`, the JSON schema of each is its DAG's form.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from groundwork.errors import InvalidRequest, Problem
from groundwork.model.request import Reference

RESTORE_RUN = "restore__"
"""With its own id after this, `restore_project` names the run of `initialize_project` that it starts."""

_EACH_ONCE: dict[str, Any] = {"uniqueItems": True}


class RepositoryFate(StrEnum):
    """What becomes of the repository of a project that is removed."""

    ARCHIVE = "archive"
    DELETE = "delete"
    KEEP = "keep"


class _OfProject(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    project_id: Reference = Field(
        title="Project", description="The project: id or slug.", examples=["billing-api"]
    )
    user_id: Reference = Field(title="User", description="Who asks: id or user name.", examples=["demo"])


class DecommissionRequest(_OfProject):
    """Remove a project, or some of its environments."""

    environment_ids: Annotated[list[Reference], Field(max_length=20)] = Field(
        default_factory=list,
        title="Environments",
        description="The environments to remove: ids or slugs, one per line. Leave empty to remove the whole"
        " project.",
        json_schema_extra=_EACH_ONCE,
    )
    repository: RepositoryFate = Field(
        RepositoryFate.ARCHIVE,
        title="Repository",
        description="When the whole project is removed: `archive` makes the repository read-only, `delete`"
        " marks it for deletion, which GitLab carries out after its grace period, `keep` leaves it as it is."
        " One that Groundwork adopted is always left.",
    )
    backup: bool = Field(
        False,
        title="Back up",
        description="First store the repository with all its branches, the manifests and the records.",
    )
    delete_foreign_commits: bool = Field(
        False,
        title="Delete commits of others",
        description="Let `delete` also take a repository in which others have committed; else that is"
        " archived.",
    )
    delete_permanently: bool = Field(
        False,
        title="Delete for good",
        description="Let `delete` not wait for GitLab's grace period. This cannot be undone.",
    )
    delete_foreign_objects: bool = Field(
        False,
        title="Delete objects of others",
        description="Let namespaces go together with what is in them and was put there by neither Groundwork"
        " nor Flux.",
    )

    @model_validator(mode="after")
    def _only_with_delete(self) -> Self:
        if self.repository is RepositoryFate.DELETE:
            return self
        given = ("delete_foreign_commits", "delete_permanently")
        problems = [Problem(name, "needs repository to be 'delete'") for name in given if getattr(self, name)]
        if problems:
            raise InvalidRequest(problems)
        return self


class RestoreRequest(_OfProject):
    """Take a removed project back, or some of its environments."""

    environment_ids: Annotated[list[Reference], Field(max_length=20)] = Field(
        default_factory=list,
        title="Environments",
        description="The environments to take back: ids or slugs, one per line. Leave empty for all.",
        json_schema_extra=_EACH_ONCE,
    )


class AddEnvironmentsRequest(_OfProject):
    """Let a project run in more environments."""

    environment_ids: Annotated[list[Reference], Field(min_length=1, max_length=20)] = Field(
        title="Environments",
        description="The environments to add: ids or slugs of the project's organization, one per line.",
        json_schema_extra=_EACH_ONCE,
    )
    sync_deadline: Annotated[float, Field(ge=10, le=86400)] | None = Field(
        None,
        title="Deadline",
        description="Seconds each environment may take to become synced. Leave empty for the environment's"
        " own.",
    )


class RotateRequest(BaseModel):
    """Renew deploy tokens: of one project now, or of all projects where it is time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project_id: Reference | None = Field(
        None,
        title="Project",
        description="Id or slug of a project whose tokens are to be renewed now. Leave empty to renew those"
        " of all projects that end soon.",
    )
