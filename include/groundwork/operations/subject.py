"""Whom a request about an existing project names: looked up, with every broken rule reported at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from groundwork.errors import GroundworkError, InvalidRequest, NotFound, Problem
from groundwork.model import names
from groundwork.model.entities import OperationKind, Project, ProjectEnvironment, User
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records.specs import RunSpec


@dataclass(frozen=True)
class Subject:
    """The project a request is about, and the user who asks."""

    project: Project
    user: User


def subject_of(services: Services, project: str, user: str) -> Subject:
    """Look up both by id or slug. Raises `InvalidRequest` also when the user may not act for the project."""
    problems: list[Problem] = []
    found = services.records.projects.find(project)
    if found is None:
        problems.append(Problem("project_id", f"there is no project '{project}' in the records"))
    asking: User | None = None
    try:
        asking = services.records.directory.user(user)
    except NotFound as error:
        problems.append(Problem("user_id", error.message))
    if found and asking and not services.records.directory.is_member(found.organization_id, asking.id):
        rule = f"'{asking.username}' is not a member of the project's organization"
        problems.append(Problem("user_id", rule))
    if problems or found is None or asking is None:
        raise InvalidRequest(problems)
    return Subject(found, asking)


def environments_named(
    services: Services, project: Project, references: Sequence[str]
) -> list[ProjectEnvironment]:
    """The project's environments of these ids or slugs; all that are recorded if none is named.

    Raises `InvalidRequest` for those it does not have.
    """
    recorded = services.records.resources.environments_of(project.id)
    if not references:
        return recorded
    known = {name: item for item in recorded for name in (item.environment.slug, str(item.environment.id))}
    unknown = [name for name in references if name not in known]
    if unknown:
        rule = f"project '{project.slug}' has no environment {', '.join(unknown)}"
        raise InvalidRequest([Problem("environment_ids", rule)])
    wanted = {known[name].id for name in references}
    return [item for item in recorded if item.id in wanted]


def run_spec(
    services: Services, kind: OperationKind, subject: Subject, run: Run, request: dict[str, object]
) -> RunSpec:
    """The operation that a request is carried out by; `request` is what its steps will read."""
    return RunSpec(
        kind=kind,
        dag_id=run.dag_id,
        run_id=run.run_id,
        requested_by=subject.user.id,
        lease_seconds=services.settings.lease_seconds,
        triggered_by=run.triggered_by,
        request=request,
    )


@contextmanager
def refusals_audited(services: Services, run: Run, values: Mapping[str, Any]) -> Iterator[None]:
    """Leave the refusal of a raw request in the audit trail, and nowhere else."""
    try:
        yield
    except GroundworkError as refusal:
        services.records.audit.append(
            run.triggered_by or "unknown",
            "request.refused",
            project_id=_concerned(services, values),
            details={
                "dag_id": run.dag_id,
                "run_id": run.run_id,
                "reason": refusal.reason,
                "message": refusal.message,
            },
        )
        raise


def _concerned(services: Services, values: Mapping[str, Any]) -> UUID | None:
    """The project that a refused request was about, if there is one of its id or slug."""
    reference = str(values.get("project_id") or values.get("slug") or "")
    if names.reference_problem(reference):
        return None
    project = services.records.projects.find(reference)
    return project.id if project else None
