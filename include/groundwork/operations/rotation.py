"""Renewing deploy tokens before they end: the new one is proven before the old one is revoked.

Per environment: a new token is put into the Secret, Flux is asked to fetch, and once it has done so with what
the Secret holds now, every other token of the environment is revoked. Killed anywhere, the next try, or the
next day's run, finds what is there and goes on: an old token lives until a new one is proven, and not longer.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from groundwork.errors import InvalidRequest, PermanentError, Problem, ProjectBusy, SyncFailed, WaitingError
from groundwork.model.entities import Kind, Observation, Operation, OperationKind, Project
from groundwork.model.lifecycle import RotateRequest
from groundwork.model.request import parse
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations.environment_steps import request_token, target_of
from groundwork.operations.ledger import step
from groundwork.operations.project_steps import gitlab_id
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records.specs import RunSpec
from groundwork.resources import applied, credentials, git_repository, ownership
from groundwork.resources.target import Target

STEP = "rotate_credentials"
_LOOK_AGAIN = 2.0
_BUSY_PAUSE = 60.0


def find_due(services: Services, values: dict[str, Any]) -> list[str]:
    """The slugs of the projects to renew tokens of: the one the request names, or all where it is time.

    It is time when a token ends soon, and when an earlier rotation did not come to its end.
    """
    request = parse(RotateRequest, values)
    records = services.records
    if request.project_id is not None:
        named = records.projects.find(request.project_id)
        if named is None:
            rule = f"there is no project '{request.project_id}' in the records"
            raise InvalidRequest([Problem("project_id", rule)])
        return [named.slug]
    due = _ending(services) | {str(found) for found in records.operations.unfinished(OperationKind.ROTATE)}
    projects = (records.projects.find(project_id) for project_id in sorted(due))
    return [item.slug for item in projects if item and item.state.status is not Status.REMOVED]


def rotate(services: Services, slug: str, run: Run, *, now: bool) -> Operation:
    """Renew the tokens of one project, as one operation; `now` also those that do not end soon.

    Raises `WaitingError` until Flux has fetched with the new ones, or while another operation holds the
    project, and `SyncFailed` if Flux cannot fetch.
    """
    project = services.records.projects.find(slug)
    if project is None:
        raise InvalidRequest([Problem("project_id", f"there is no project '{slug}' in the records")])
    operation = _opened(services, project, run, now)
    waiting: list[WaitingError] = []
    failed: list[PermanentError] = []
    for environment in _made(services, project):
        # One that waits or fails does not keep the others from being renewed.
        try:
            rotate_environment(services, operation.id, environment, now=now)
        except WaitingError as error:
            waiting.append(error)
        except PermanentError as error:
            failed.append(error)
    if waiting:
        raise waiting[0]
    if failed:
        reason, message = failed[0].reason, failed[0].message
        services.records.operations.close(operation.id, OperationStatus.FAILED, reason, message)
        raise failed[0]
    return services.records.operations.close(operation.id, OperationStatus.SUCCEEDED)


def rotate_environment(services: Services, operation_id: UUID, environment: str, *, now: bool) -> None:
    """Renew one environment's token. Raises as `rotate`."""
    target = target_of(services, operation_id, environment)
    cluster = services.cluster(target.environment.environment.cluster)
    project_id, gitlab = gitlab_id(target.repository), services.gitlab
    name = credentials.token_name(target)
    secret = cluster.get(credentials.reference(target))
    active = gitlab.deploy_tokens.active(project_id, name)
    held = credentials.held_token(secret, active)
    soon = credentials.expiry(services.settings.deploy_token_renewal_days)
    due = now or held is None or secret is None or credentials.ends_by(secret, soon)
    intent = _intent(services, operation_id, environment, str(held.id) if held and due else None)
    with step(services, operation_id, STEP, environment, intent) as told:
        replaced = held is None or str(held.id) == intent["replaces"]
        if held is None or replaced:
            _require_flux(services, target)
            expires_on = credentials.expiry(services.settings.deploy_token_days)
            held = credentials.put_new(gitlab, cluster, target, project_id, expires_on, told.creating)
        if replaced or len(active) > 1:
            _prove(services, target, intent)
            told.result = {"revoked": credentials.revoke_others(gitlab, target, project_id, held)}
        told.external_id = str(held.id)
        services.records.observations.resource_observed(
            target.environment.id,
            Kind.CREDENTIALS,
            Observation(Status.SYNCED, Reason.OBSERVED),
            external_id=str(held.id),
            created_by_us=True,
        )


def _ending(services: Services) -> set[str]:
    """Ids of the projects with a token that ends soon: one listing per cluster, of metadata alone."""
    soon = credentials.expiry(services.settings.deploy_token_renewal_days)
    clusters = {item.cluster for item in services.records.directory.list_environments()}
    return {
        secret["metadata"]["labels"][ownership.PROJECT_ID_LABEL]
        for name in sorted(clusters)
        for secret in services.cluster(name).list("v1", "Secret", ownership.SELECTOR, metadata_only=True)
        if secret["metadata"]["name"] == credentials.SECRET and credentials.ends_by(secret, soon)
    }


def _made(services: Services, project: Project) -> list[str]:
    """The slugs of the environments that have been given credentials and still are to have them."""
    resources = services.records.resources
    return [
        environment.environment.slug
        for environment in resources.environments_of(project.id)
        for resource in resources.resources(environment.id)
        if resource.kind is Kind.CREDENTIALS and resource.created_by_us
        if resource.state.status not in (Status.REMOVING, Status.REMOVED)
    ]


def _opened(services: Services, project: Project, run: Run, now: bool) -> Operation:
    """One run may renew many projects, so each operation has the run's id and the project's slug."""
    spec = RunSpec(
        kind=OperationKind.ROTATE,
        dag_id=run.dag_id,
        run_id=f"{run.run_id}/{project.slug}",
        requested_by=project.requested_by,
        lease_seconds=services.settings.lease_seconds,
        triggered_by=run.triggered_by,
        request={"project_id": project.slug, "now": now},
    )
    try:
        return services.records.operations.open_existing(project.id, spec)
    except ProjectBusy as busy:
        raise WaitingError(busy.message, _BUSY_PAUSE) from busy


def _intent(
    services: Services, operation_id: UUID, environment: str, replaces: str | None
) -> dict[str, object]:
    """What the first try set out to do: so an operation replaces a token once, however often it is tried.

    A try after one that has failed has all the time anew.
    """
    begun: dict[str, object] = {
        "replaces": replaces,
        "requested_at": request_token(),
        "deadline": time.time() + services.settings.sync_deadline,
    }
    for entry in services.records.ledger.steps(operation_id):
        if (entry.step, entry.scope) == (STEP, environment):
            earlier = {name: entry.intent[name] for name in begun}
            if entry.reason == SyncFailed.reason:
                return {**begun, "replaces": earlier["replaces"]}
            return earlier
    return begun


def _require_flux(services: Services, target: Target) -> None:
    """Raises `SyncFailed` where nothing could prove a new token, before there is one."""
    existing = _source(services, target)
    place = f"GitRepository {target.project.slug} in namespace {target.namespace}"
    if existing is None:
        raise SyncFailed(f"{place} is not there, so a new token could not be proven; run the project again.")
    if existing["spec"].get("suspend"):
        raise SyncFailed(f"{place} is suspended, so a new token could not be proven; resume it.")


def _prove(services: Services, target: Target, intent: dict[str, object]) -> None:
    """Ask Flux once to fetch, and look whether it has. Raises `WaitingError` until then."""
    token = str(intent["requested_at"])
    existing = _source(services, target)
    if existing is not None and not git_repository.is_asked(existing, token):
        cluster = services.cluster(target.environment.environment.cluster)
        manifest = git_repository.desired(target, token)
        existing = applied.apply_one(cluster, manifest, target.project.id, applied.untold).stored
    missing = git_repository.not_fetched(existing, token)
    if missing is None:
        return
    if time.time() < float(str(intent["deadline"])):
        raise WaitingError(f"Flux has not fetched with the new token yet: {missing}", _LOOK_AGAIN)
    raise SyncFailed(f"Flux has not fetched with the new token in time, so the old one stays: {missing}")


def _source(services: Services, target: Target) -> dict[str, Any] | None:
    cluster = services.cluster(target.environment.environment.cluster)
    return cluster.get(git_repository.reference(target.namespace, git_repository.name(target)))
