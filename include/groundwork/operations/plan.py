"""What a request would do: every change in records, GitLab and clusters, and every problem, without writing.

Each change is decided by the same function that decides when the steps apply it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from groundwork.clients.kubernetes import Manifest
from groundwork.errors import Problem
from groundwork.model.changes import Action, Change, System
from groundwork.model.entities import ProjectEnvironment, Repository
from groundwork.model.request import ProjectRequest, parse_request
from groundwork.operations import checks, specs
from groundwork.operations.environment_steps import pace
from groundwork.operations.project_steps import content_of
from groundwork.operations.resolution import Resolved, Run, resolve
from groundwork.operations.services import Services
from groundwork.records.rehearsal import Recorded, Rehearsal
from groundwork.resources import (
    applied,
    credentials,
    git_repository,
    guardrails,
    kustomization,
    namespace,
    repository,
    template,
)
from groundwork.resources.differences import differences
from groundwork.resources.target import Target

_PROJECT_FIELDS = ("name", "template_id", "template_version", "template_answers")
_REPOSITORY_FIELDS = ("path", "visibility", "default_branch", "description")


@dataclass(frozen=True)
class Plan:
    """All changes in the order they are made, `none` included, and all that stands in their way."""

    changes: tuple[Change, ...]
    problems: tuple[Problem, ...]

    @property
    def pending(self) -> tuple[Change, ...]:
        """The changes that are not `none`."""
        return tuple(item for item in self.changes if item.action is not Action.NONE)


def plan(services: Services, values: dict[str, Any], run: Run) -> Plan:
    """Plan a raw request. Raises `InvalidRequest` with every broken rule, or `ProjectBusy`."""
    request = parse_request(values)
    return inspect(services, request, resolve(services, request), run)


def inspect(services: Services, request: ProjectRequest, resolved: Resolved, run: Run) -> Plan:
    """Plan a request whose names have been looked up; `run` is the one it would be carried out by."""
    rehearsed = services.records.rehearse(
        specs.project_spec(request, resolved),
        specs.run_spec(services.settings, request, resolved, run),
        specs.repository_spec(request),
        [specs.environment_spec(services.settings, request.slug, item) for item in resolved.environments],
    )
    wanted = {item.id for item in resolved.environments}
    after = rehearsed.after
    environments = [item for item in after.environments if item.environment.id in wanted]
    changes, problems = _database(rehearsed), list[Problem]()
    with checks.collected(problems, "repository"):
        found_changes, recorded = _gitlab(services, request, after)
        changes += found_changes
        problems += checks.gitlab(services, request, new=recorded.gitlab_id is None)
        with ThreadPoolExecutor() as pool:
            looked = [
                pool.submit(_environment, services, after, recorded, environment)
                for environment in environments
            ]
            for answer in looked:
                more, wrong = answer.result()
                changes += more
                problems += wrong
        rendered = content_of(after.project, recorded, resolved.organization.slug, after.environments)
        problems += checks.content(services, rendered, environments)
    problems += [
        Problem(_field(item), f"{item.kind} {item.name}: {item.message}")
        for item in changes
        if item.action is Action.CONFLICT
    ]
    return Plan(tuple(changes), tuple(problems))


def _database(rehearsed: Rehearsal) -> list[Change]:
    before, after = rehearsed.before, rehearsed.after
    known = {item.environment.id for item in before.environments} if before else set()
    changes = [
        _row("Project", after.project.slug, before and before.project, after.project, _PROJECT_FIELDS),
    ]
    if after.repository:
        stored = before.repository if before else None
        changes.append(
            _row("Repository", after.repository.path, stored, after.repository, _REPOSITORY_FIELDS)
        )
    for item in after.environments:
        action = Action.NONE if item.environment.id in known else Action.CREATE
        changes.append(
            Change(System.DATABASE, item.environment.slug, "Environment", item.environment.slug, action)
        )
    return changes


def _row(kind: str, name: str, before: object, after: object, fields: Sequence[str]) -> Change:
    wanted = {field: getattr(after, field) for field in fields}
    stored = {field: getattr(before, field) for field in fields} if before is not None else None
    found = differences(wanted, stored)
    action = Action.CREATE if before is None else Action.CHANGE if found else Action.NONE
    return Change(System.DATABASE, "", kind, name, action, found)


def _gitlab(services: Services, request: ProjectRequest, after: Recorded) -> tuple[list[Change], Repository]:
    """The changes of repository and content, and the repository with what GitLab knows of it."""
    recorded = after.repository
    if recorded is None:
        raise AssertionError("a rehearsed request has a repository")
    found = repository.find(services.gitlab, recorded)
    planned = repository.change(after.project, recorded, found, request.repository)
    if found is None:
        url = f"{services.gitlab.url}/{recorded.path}.git"
        pushed = Change(System.GITLAB, "", template.KIND, recorded.default_branch, Action.CREATE)
        return [planned, pushed], replace(recorded, gitlab_id=None, http_url=url)
    known = replace(
        recorded,
        gitlab_id=found.id,
        http_url=found.http_url,
        created_by_us=not (planned.action is Action.ADOPT or repository.is_adopted(found)),
    )
    if planned.action is Action.CONFLICT:
        return [planned], known
    return [
        planned,
        template.change(services.gitlab, services.git, after.project, known, found.id),
    ], known


def _environment(
    services: Services, after: Recorded, recorded: Repository, environment: ProjectEnvironment
) -> tuple[list[Change], list[Problem]]:
    problems = checks.cluster(services, environment)
    target = Target(after.project, recorded, environment, pace(services.settings))
    if problems:
        return [], problems
    return environment_changes(services, target), problems


def environment_changes(services: Services, target: Target) -> list[Change]:
    """What is to be done in the cluster of one environment, credentials included."""
    cluster = services.cluster(target.environment.environment.cluster)
    slug, project_id = target.environment.environment.slug, target.project.id
    space = cluster.get(namespace.desired(target))

    def planned(manifest: Manifest) -> Change:
        # Where the namespace is not there, nothing in it is.
        existing = cluster.get(manifest) if space else None
        return applied.change(manifest, existing, project_id, slug)

    secret = cluster.get(credentials.reference(target)) if space else None
    active = (
        services.gitlab.deploy_tokens.active(target.repository.gitlab_id, credentials.token_name(target))
        if target.repository.gitlab_id is not None
        else []
    )
    return [
        applied.change(namespace.desired(target), space, project_id, slug),
        *(planned(manifest) for manifest in guardrails.desired(target)),
        credentials.change(target, secret, active, slug),
        planned(git_repository.desired(target)),
        planned(kustomization.desired(target)),
    ]


def _field(change: Change) -> str:
    if change.system is System.CLUSTER:
        return f"environment_ids.{change.scope}"
    return "slug"
