"""What must be so before anything is made, looked at without writing: tokens, rights, Flux, manifests.

Each check answers with the problems it finds. What may pass by itself (a server that does not answer) is a
temporary error and is tried again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from groundwork.clients import kustomize
from groundwork.clients.gitlab import MAINTAINER, Group
from groundwork.clients.kubernetes import Manifest
from groundwork.errors import InvalidRequest, PermanentError, Problem
from groundwork.model.entities import ProjectEnvironment
from groundwork.model.request import ProjectRequest, Visibility
from groundwork.operations.services import Services
from groundwork.resources import demand, guardrails, kustomization, namespace, template
from groundwork.resources.template import Content

_SCOPE = "api"
_OPENNESS = [Visibility.PRIVATE, Visibility.INTERNAL, Visibility.PUBLIC]
_RIGHTS = (
    ("create", "", "namespaces"),
    ("create", "", "secrets"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("create", "source.toolkit.fluxcd.io", "gitrepositories"),
    ("create", "kustomize.toolkit.fluxcd.io", "kustomizations"),
)
# A namespace that is not there yet cannot be asked; this one every cluster has.
_ELSEWHERE = "default"
_SIDE_BY_SIDE = 8


def gitlab(services: Services, request: ProjectRequest, *, new: bool) -> list[Problem]:
    """Whether the token may make the repository where it is asked for; `new` if it is not there yet."""
    problems: list[Problem] = []
    with collected(problems, "repository"):
        scopes = services.gitlab.token_scopes()
        if _SCOPE not in scopes:
            rule = f"Groundwork's GitLab token needs scope '{_SCOPE}' but has {', '.join(sorted(scopes))}"
            return [Problem("repository", rule)]
    with collected(problems, "repository.group_path"):
        group = services.gitlab.groups.find(request.repository.group_path)
        if group is None:
            rule = f"GitLab has no group '{request.repository.group_path}' that Groundwork's token can see"
            return [*problems, Problem("repository.group_path", rule)]
        problems += _group_problems(request, group, services.gitlab.groups.access_level(group))
        if new and services.gitlab.groups.has_project_named(group, request.name):
            rule = f"GitLab's group '{group.path}' already has a project called '{request.name}'"
            problems.append(Problem("name", rule))
    return problems


def cluster(services: Services, environment: ProjectEnvironment) -> list[Problem]:
    """Whether the environment's cluster can be reached, runs Flux, and lets Groundwork do its work."""
    field = f"environment_ids.{environment.environment.slug}"
    problems: list[Problem] = []
    with collected(problems, field):
        found = services.cluster(environment.environment.cluster)
        found.check_flux()
        missing = [
            f"{verb} {resource}"
            for verb, group, resource in _RIGHTS
            if not found.allowed(verb, group, resource)
        ]
        if missing:
            rule = f"Groundwork's user on cluster {found.name} may not {', '.join(missing)}"
            problems.append(Problem(field, f"{rule}: give it the rights of deploy/kubernetes/"))
    return problems


def content(
    services: Services, rendered: Content, environments: Sequence[ProjectEnvironment]
) -> list[Problem]:
    """Whether the template renders, its overlays build, and the clusters would take what they hold."""
    problems: list[Problem] = []
    with collected(problems, "template_id"), tempfile.TemporaryDirectory(prefix="groundwork-") as name:
        folder = template.render(rendered, Path(name))
        overlays = {
            item.namespace: kustomization.overlay_path(item.environment.slug) for item in environments
        }
        missing = [path for path in overlays.values() if not (folder / path / "kustomization.yaml").is_file()]
        if missing:
            rule = f"template '{rendered.template.id}' renders no {', '.join(missing)}/kustomization.yaml"
            return [Problem("template_id", rule)]
        built = kustomize.build(services.settings.kubectl, folder, overlays, services.settings.http_timeout)
        problems += _refused(services, built, environments)
        problems += _too_much(built, environments)
    return problems


@contextmanager
def collected(problems: list[Problem], field: str) -> Iterator[None]:
    """Let the next check go on after a permanent error of this one."""
    try:
        yield
    except InvalidRequest as error:
        problems.extend(error.problems)
    except PermanentError as error:
        problems.append(Problem(field, error.message))


def _group_problems(request: ProjectRequest, group: Group, access_level: int) -> list[Problem]:
    problems = []
    if access_level < MAINTAINER:
        rule = (
            f"Groundwork's GitLab user needs at least the role Maintainer ({MAINTAINER}) in group"
            f" '{group.path}' but has {access_level}"
        )
        problems.append(Problem("repository.group_path", rule))
    if group.closed:
        rule = f"GitLab's group '{group.path}' lets nobody create projects in it"
        problems.append(Problem("repository.group_path", rule))
    if _OPENNESS.index(request.repository.visibility) > _OPENNESS.index(Visibility(group.visibility)):
        rule = f"must not be more open than group '{group.path}', which is {group.visibility}"
        problems.append(Problem("repository.visibility", rule))
    return problems


def _refused(
    services: Services, built: Mapping[str, Sequence[Manifest]], environments: Sequence[ProjectEnvironment]
) -> list[Problem]:
    """What the API servers say to the manifests, by a server-side dry run."""
    problems: list[Problem] = []
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for environment in environments:
            target = services.cluster(environment.environment.cluster)
            there = target.get(namespace.reference(environment.namespace)) is not None
            place = environment.namespace if there else _ELSEWHERE
            manifests = built[environment.namespace]
            for answer in [pool.submit(target.dry_run, _moved(item, place)) for item in manifests]:
                with collected(problems, f"template_id.{environment.environment.slug}"):
                    answer.result()
    return problems


def _too_much(
    built: Mapping[str, Sequence[Manifest]], environments: Sequence[ProjectEnvironment]
) -> list[Problem]:
    """What the workloads ask of their namespaces' quotas that is not there."""
    return [
        Problem(f"template_answers.{item.environment.slug}", rule)
        for item in environments
        for rule in demand.excess(
            built[item.namespace], guardrails.quota(item.environment), guardrails.DEFAULT_REQUEST
        )
    ]


def _moved(manifest: Manifest, place: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": place}}
