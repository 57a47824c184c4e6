"""The one way in: a raw request becomes an operation that holds its project, or an error that says why not.

Nothing is made before every rule has been checked, and every broken rule is reported at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from groundwork import catalog
from groundwork.errors import GroundworkError, InvalidRequest, NotFound, Problem
from groundwork.model import names
from groundwork.model.entities import Environment, Operation, OperationKind, Organization, User
from groundwork.model.request import ProjectRequest, parse_request
from groundwork.operations.services import Services
from groundwork.records.specs import ProjectSpec, RunSpec

Found = TypeVar("Found")


@dataclass(frozen=True)
class Run:
    """The DAG run a request came with; `triggered_by` is who Airflow says triggered it."""

    dag_id: str
    run_id: str
    triggered_by: str | None


@dataclass(frozen=True)
class Resolved:
    """A request with what it names looked up."""

    organization: Organization
    user: User
    environments: Sequence[Environment]
    template: catalog.Template
    answers: dict[str, Any]


def accept(services: Services, values: dict[str, Any], run: Run) -> Operation:
    """Check the request, reserve its slug, open the operation and take the lease.

    The same run again gets the same operation. Raises `InvalidRequest` with every problem, or `ProjectBusy`;
    a refusal is left in the audit trail and nowhere else.
    """
    try:
        request = parse_request(values)
        resolved = resolve(services, request)
        return services.records.operations.open(
            _project_spec(request, resolved), _run_spec(services, request, resolved, run)
        )
    except GroundworkError as refusal:
        _audit_refusal(services, run, refusal)
        raise


def resolve(services: Services, request: ProjectRequest) -> Resolved:
    """Look up everything the request names. Raises `InvalidRequest` with all that is wrong."""
    problems: list[Problem] = []
    directory = services.records.directory

    def found(field: str, look: Callable[[], Found]) -> Found | None:
        try:
            return look()
        except NotFound as error:
            problems.append(Problem(field, error.message))
        except InvalidRequest as error:
            problems.extend(error.problems)
        return None

    organization = found("organization_id", lambda: directory.organization(request.organization_id))
    user = found("user_id", lambda: directory.user(request.user_id))
    template = found("template_id", lambda: catalog.get_template(request.template_id))
    answers = template and found(
        "template_answers", lambda: catalog.check_answers(template, request.template_answers)
    )
    environments: Sequence[Environment] | None = None
    if organization:
        environments = found(
            "environment_ids", lambda: directory.environments(organization.id, request.environment_ids)
        )
        if user and not directory.is_member(organization.id, user.id):
            problems.append(
                Problem("user_id", f"'{user.username}' is not a member of organization '{organization.slug}'")
            )
    problems += _namespace_problems(services.settings.namespace_prefix, request.slug, environments or ())
    if problems or organization is None or user is None or template is None or environments is None:
        raise InvalidRequest(problems)
    return Resolved(organization, user, environments, template, answers or {})


def _namespace_problems(prefix: str, slug: str, environments: Sequence[Environment]) -> list[Problem]:
    problems = []
    ids: set[UUID] = set()
    for environment in environments:
        rule = names.namespace_problem(names.namespace_name(prefix, slug, environment.slug))
        if rule:
            problems.append(Problem("slug", rule))
        if environment.id in ids:
            problems.append(Problem("environment_ids", f"names environment '{environment.slug}' twice"))
        ids.add(environment.id)
    return problems


def _project_spec(request: ProjectRequest, resolved: Resolved) -> ProjectSpec:
    return ProjectSpec(
        organization_id=resolved.organization.id,
        slug=request.slug,
        name=request.name,
        template_id=resolved.template.id,
        template_version=resolved.template.version,
        template_answers=resolved.answers,
        project_id=request.project_id,
    )


def _run_spec(services: Services, request: ProjectRequest, resolved: Resolved, run: Run) -> RunSpec:
    return RunSpec(
        kind=OperationKind.INITIALIZE,
        dag_id=run.dag_id,
        run_id=run.run_id,
        requested_by=resolved.user.id,
        lease_seconds=services.settings.lease_seconds,
        triggered_by=run.triggered_by,
        request=request.model_dump(mode="json"),
    )


def _audit_refusal(services: Services, run: Run, refusal: GroundworkError) -> None:
    services.records.audit.append(
        run.triggered_by or "unknown",
        "request.refused",
        details={
            "dag_id": run.dag_id,
            "run_id": run.run_id,
            "reason": refusal.reason,
            "message": refusal.message,
        },
    )
