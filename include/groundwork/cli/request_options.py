"""The options by which a request is given, shared by all commands that take one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from groundwork.model.request import FailurePolicy, PendingDeletion, Visibility


def takes_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, whose first parameter is the checked request, the options of `_request`.

    Raises `InvalidRequest`, naming options and fields, before the command begins.
    """
    options = inspect.signature(_request, eval_str=True).parameters
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        command(_request(**{name: given.pop(name) for name in options}), **given)

    parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in (*options.values(), *own)]
    wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {item.name: item.annotation for item in parameters}
    return wrapped


def _request(
    name: Annotated[str | None, typer.Option(help="The project's name as people read it.")] = None,
    slug: Annotated[str | None, typer.Option(help="Names the repository and the namespaces.")] = None,
    user: Annotated[str | None, typer.Option(help="Who asks: id or user name.")] = None,
    organization: Annotated[str | None, typer.Option(help="Id or slug of the organization.")] = None,
    group: Annotated[str | None, typer.Option(help="Full path of the GitLab group.")] = None,
    visibility: Annotated[Visibility | None, typer.Option(help="Who sees the repository.")] = None,
    default_branch: Annotated[str | None, typer.Option(help="The branch Flux follows.")] = None,
    description: Annotated[str | None, typer.Option(help="Shown on the repository's page.")] = None,
    adopt: Annotated[
        bool | None, typer.Option("--adopt", help="Take over a repository that is there already.")
    ] = None,
    on_pending_deletion: Annotated[
        PendingDeletion | None, typer.Option(help="If the project's repository is marked for deletion.")
    ] = None,
    template: Annotated[str | None, typer.Option(help="Id of the template; see `templates`.")] = None,
    answer: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Template answer, a YAML value; repeatable.")
    ] = None,
    answers_file: Annotated[
        Path | None, typer.Option(help="Template answers as YAML or JSON; --answer wins over it.")
    ] = None,
    environment: Annotated[
        list[str] | None, typer.Option(help="Id or slug of an environment; repeatable.")
    ] = None,
    on_failure: Annotated[
        FailurePolicy | None, typer.Option(help="What becomes of what was made when the run fails.")
    ] = None,
    sync_deadline: Annotated[
        float | None, typer.Option(help="Seconds each environment may take to become synced.")
    ] = None,
    project_id: Annotated[UUID | None, typer.Option(help="Run an existing project again.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="The whole request as YAML or JSON, - for standard input; options win over it."),
    ] = None,
) -> dict[str, Any]:
    """The request as it is sent, from options and a file."""
    from groundwork.cli import request_input

    options = {
        "name": name,
        "slug": slug,
        "user_id": user,
        "organization_id": organization,
        "repository": {
            "group_path": group,
            "visibility": visibility,
            "default_branch": default_branch,
            "description": description,
            "adopt": adopt,
            "on_pending_deletion": on_pending_deletion,
        },
        "template_id": template,
        "template_answers": request_input.answers(answers_file, answer or ()),
        "environment_ids": environment,
        "on_failure": on_failure,
        "sync_deadline": sync_deadline,
        "project_id": str(project_id) if project_id else None,
    }
    given = request_input.mapping_file(file, "request") if file else {}
    return request_input.checked(request_input.merged(given, options))
