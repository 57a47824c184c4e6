"""`status`: how projects stand, from the records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from groundwork.cli import connect
from groundwork.cli.output import Json, age, failing_clearly, show, table
from groundwork.errors import NotFound

if TYPE_CHECKING:
    from rich.console import RenderableType

    from groundwork.model.entities import (
        GitOpsResource,
        Observation,
        Operation,
        Organization,
        Project,
        ProjectEnvironment,
        Repository,
        StepEntry,
    )
    from groundwork.records import Records

_OPERATIONS = 3


@dataclass(frozen=True)
class _Whole:
    """A project with everything the records hold below it."""

    project: Project
    organization: Organization
    repository: Repository | None
    environments: list[tuple[ProjectEnvironment, list[GitOpsResource]]]
    operations: list[tuple[Operation, list[StepEntry]]]


def register(app: typer.Typer) -> None:
    app.command()(status)


@failing_clearly
def status(
    project: Annotated[str | None, typer.Argument(help="Id or slug; without it, all projects.")] = None,
    organization: Annotated[str | None, typer.Option(help="Only this organization's projects.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many projects.")] = 50,
    as_json: Json = False,
) -> None:
    """How projects stand: all of them, or one with all its parts and what was last done to it."""
    with connect.records() as records:
        if project is None:
            _show_all(records, organization, limit, as_json=as_json)
            return
        whole = _read(records, project)
    show(_as_json(whole), _drawn(whole), as_json=as_json)


def _show_all(records: Records, organization: str | None, limit: int, *, as_json: bool) -> None:
    if organization is not None:
        records.directory.organization(organization)
    projects = records.projects.list(organization=organization, limit=limit)
    slugs = {
        item: records.directory.organization(str(item)).slug
        for item in {one.organization_id for one in projects}
    }
    drawn = table("slug", "organization", "template", "status", "reason", "age")
    for item in projects:
        drawn.add_row(
            *(item.slug, slugs[item.organization_id], item.template_id, item.state.status),
            *(item.state.reason, age(item.created_at)),
        )
    found = [_project(item, slugs[item.organization_id]) for item in projects]
    show(found, drawn if projects else "There are no projects yet.", as_json=as_json)


def _read(records: Records, reference: str) -> _Whole:
    project = records.projects.find(reference)
    if project is None:
        raise NotFound(f"There is no project '{reference}'; `groundwork status` lists them.")
    operations = records.operations.list(project.id, limit=_OPERATIONS)
    return _Whole(
        project=project,
        organization=records.directory.organization(str(project.organization_id)),
        repository=_repository(records, project.id),
        environments=[
            (item, records.resources.resources(item.id))
            for item in records.resources.environments_of(project.id)
        ],
        operations=[(item, records.ledger.steps(item.id)) for item in operations],
    )


def _repository(records: Records, project_id: UUID) -> Repository | None:
    try:
        return records.resources.repository(project_id)
    except NotFound:
        return None


def _as_json(whole: _Whole) -> dict[str, Any]:
    repository = whole.repository
    return {
        **_project(whole.project, whole.organization.slug),
        "repository": repository
        and {
            "path": repository.path,
            "url": repository.web_url,
            "default_branch": repository.default_branch,
            **_state(repository.state),
        },
        "environments": [
            {
                "environment": item.environment.slug,
                "namespace": item.namespace,
                "cluster": item.environment.cluster,
                **_state(item.state),
                "resources": [
                    {"kind": part.kind, "name": part.name, **_state(part.state)} for part in resources
                ],
            }
            for item, resources in whole.environments
        ],
        "operations": [_operation(item, steps) for item, steps in whole.operations],
    }


def _project(project: Project, organization: str) -> dict[str, Any]:
    return {
        "id": project.id,
        "slug": project.slug,
        "name": project.name,
        "organization": organization,
        "template": project.template_id,
        "template_version": project.template_version,
        "created_at": project.created_at,
        **_state(project.state),
    }


def _operation(operation: Operation, steps: list[StepEntry]) -> dict[str, Any]:
    return {
        "id": operation.id,
        "kind": operation.kind,
        "dag_id": operation.dag_id,
        "run_id": operation.run_id,
        "triggered_by": operation.triggered_by,
        "status": operation.status,
        "reason": operation.reason,
        "message": operation.message,
        "started_at": operation.started_at,
        "finished_at": operation.finished_at,
        "steps": [
            {
                "step": step.step,
                "environment": step.scope or None,
                "status": step.status,
                "attempts": step.attempts,
                "reason": step.reason,
                "message": step.message,
                "started_at": step.started_at,
                "finished_at": step.finished_at,
            }
            for step in steps
        ],
    }


def _state(state: Observation) -> dict[str, Any]:
    return {
        "status": state.status,
        "reason": state.reason,
        "message": state.message,
        "revision": state.revision,
        "observed_at": state.observed_at,
    }


def _drawn(whole: _Whole) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    project, repository = whole.project, whole.repository
    heading = f"{project.slug}  {project.state.status}  {project.state.reason}  {project.state.message}"
    about = (
        f"{project.name}, of {whole.organization.slug}, from {project.template_id} {project.template_version}"
    )
    parts: list[RenderableType] = [Text(heading.rstrip(), style="bold"), Text(about), Text()]
    resources = table("environment", "kind", "name", "status", "reason", "revision", "observed", "message")
    if repository:
        shown = repository.web_url or repository.path
        resources.add_row("", "Repository", shown, *_cells(repository.state))
    for item, owned in whole.environments:
        for part in owned:
            resources.add_row(item.environment.slug, part.kind, part.name, *_cells(part.state))
    parts.append(resources)
    for operation, steps in whole.operations:
        ending = f"  {operation.reason}: {operation.message}" if operation.reason else ""
        told = f"{operation.kind} {operation.status} {age(operation.started_at)} ago, run {operation.run_id}"
        drawn = table("step", "environment", "status", "seconds", "reason")
        for step in steps:
            drawn.add_row(step.step, step.scope, step.status, _seconds(step), step.reason or "")
        parts += [Text(), Text(told + ending, style="bold"), drawn]
    return Group(*parts)


def _cells(state: Observation) -> tuple[str, ...]:
    observed = f"{age(state.observed_at)} ago" if state.observed_at else ""
    return state.status, state.reason, (state.revision or "")[:12], observed, state.message


def _seconds(step: StepEntry) -> str:
    if step.finished_at is None:
        return ""
    return f"{(step.finished_at - step.started_at).total_seconds():.1f}"
