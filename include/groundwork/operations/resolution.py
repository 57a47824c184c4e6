"""Looking up what a request names, with every broken rule reported at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from groundwork import catalog
from groundwork.errors import InvalidRequest, NotFound, Problem
from groundwork.model import names
from groundwork.model.entities import Environment, Organization, User
from groundwork.model.request import ProjectRequest
from groundwork.operations.services import Services

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
