"""Everything that can be known before the first write: looked at, and all that is wrong reported at once.

Only reads. What may pass by itself (a server that does not answer) is a temporary error and is tried again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from groundwork import catalog
from groundwork.clients.gitlab import MAINTAINER, Group
from groundwork.clients.kubernetes import Cluster
from groundwork.errors import InvalidRequest, PermanentError, PreflightFailed, Problem
from groundwork.model import names
from groundwork.model.entities import Environment, Project
from groundwork.model.request import ProjectRequest, Visibility
from groundwork.operations import accept
from groundwork.operations.accept import Resolved
from groundwork.operations.ledger import step
from groundwork.operations.project_steps import repository_spec, request_of
from groundwork.operations.services import Services
from groundwork.resources import kustomization, namespace, ownership, repository, template
from groundwork.resources.ownership import Claim

_SCOPE = "api"
_OPENNESS = [Visibility.PRIVATE, Visibility.INTERNAL, Visibility.PUBLIC]
_RIGHTS = (
    ("create", "", "namespaces"),
    ("create", "", "secrets"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("create", "source.toolkit.fluxcd.io", "gitrepositories"),
    ("create", "kustomize.toolkit.fluxcd.io", "kustomizations"),
)


def preflight(services: Services, operation_id: UUID) -> None:
    """Raises `PreflightFailed` with every finding."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    project = services.records.projects.get(operation.project_id)
    resolved = accept.resolve(services, request)
    with step(services, operation_id, "preflight"):
        problems: list[Problem] = []
        _check_gitlab(services, request, project, problems)
        for environment in resolved.environments:
            _check_environment(services, project, environment, problems)
        _check_template(services, request, project, resolved, problems)
        if problems:
            raise PreflightFailed(problems)


def _check_gitlab(
    services: Services, request: ProjectRequest, project: Project, problems: list[Problem]
) -> None:
    with _collected(problems, "repository"):
        scopes = services.gitlab.token_scopes()
        if _SCOPE not in scopes:
            rule = f"Groundwork's GitLab token needs scope '{_SCOPE}' but has {', '.join(sorted(scopes))}"
            problems.append(Problem("repository", rule))
            return
    with _collected(problems, "repository.group_path"):
        group = services.gitlab.find_group(request.repository.group_path)
        if group is None:
            rule = f"GitLab has no group '{request.repository.group_path}' that Groundwork's token can see"
            problems.append(Problem("repository.group_path", rule))
            return
        problems += _group_problems(request, group, services.gitlab.access_level(group))
    with _collected(problems, "slug"):
        found = services.gitlab.find_project(repository_spec(request).path)
        repository.require_ours_or_absent(found, repository_spec(request).path, project.id)
        if found is None and services.gitlab.has_project_named(group, request.name):
            rule = f"GitLab's group '{group.path}' already has a project called '{request.name}'"
            problems.append(Problem("name", rule))


def _group_problems(request: ProjectRequest, group: Group, access_level: int) -> list[Problem]:
    problems = []
    if access_level < MAINTAINER:
        rule = (
            f"Groundwork's GitLab user needs at least the role Maintainer ({MAINTAINER}) in group"
            f" '{group.path}' but has {access_level}"
        )
        problems.append(Problem("repository.group_path", rule))
    if _OPENNESS.index(request.repository.visibility) > _OPENNESS.index(Visibility(group.visibility)):
        rule = f"must not be more open than group '{group.path}', which is {group.visibility}"
        problems.append(Problem("repository.visibility", rule))
    return problems


def _check_environment(
    services: Services, project: Project, environment: Environment, problems: list[Problem]
) -> None:
    field = f"environment_ids.{environment.slug}"
    with _collected(problems, field):
        cluster = services.cluster(environment.cluster)
        cluster.check_flux()
        missing = _missing_rights(cluster)
        if missing:
            rule = f"Groundwork's user on cluster {cluster.name} may not {', '.join(missing)}"
            problems.append(Problem(field, f"{rule}: give it the rights of deploy/kubernetes/"))
            return
        wanted = names.namespace_name(services.settings.namespace_prefix, project.slug, environment.slug)
        existing = cluster.get(namespace.reference(wanted))
        if existing is not None and ownership.claim_on_object(existing, project.id) is Claim.FOREIGN:
            raise ownership.foreign_object(existing, cluster.name)


def _missing_rights(cluster: Cluster) -> list[str]:
    return [
        f"{verb} {resource}"
        for verb, group, resource in _RIGHTS
        if not cluster.allowed(verb, group, resource)
    ]


def _check_template(
    services: Services,
    request: ProjectRequest,
    project: Project,
    resolved: Resolved,
    problems: list[Problem],
) -> None:
    prefix = services.settings.namespace_prefix
    with _collected(problems, "template_id"), tempfile.TemporaryDirectory(prefix="groundwork-") as name:
        folder = Path(name) / "repository"
        context = template.context(
            project,
            resolved.organization.slug,
            f"{services.gitlab.url}/{repository_spec(request).path}.git",
            request.repository.default_branch,
            {
                item.slug: names.namespace_name(prefix, project.slug, item.slug)
                for item in resolved.environments
            },
        )
        catalog.render(resolved.template, resolved.answers, context, folder)
        for item in resolved.environments:
            overlay = folder / kustomization.overlay_path(item.slug) / "kustomization.yaml"
            if not overlay.is_file():
                rule = f"template '{resolved.template.id}' renders no {overlay.relative_to(folder)}"
                problems.append(Problem("template_id", rule))


@contextmanager
def _collected(problems: list[Problem], field: str) -> Iterator[None]:
    """Let the next check go on after a permanent error of this one."""
    try:
        yield
    except InvalidRequest as error:
        problems.extend(error.problems)
    except PermanentError as error:
        problems.append(Problem(field, error.message))
