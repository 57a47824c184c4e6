"""A project in the records to look at, as a run that half failed would have left it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from groundwork.model.entities import Kind, Observation, OperationKind
from groundwork.model.statuses import OperationStatus, Status
from groundwork.records import Records
from groundwork.records.specs import EnvironmentSpec, ProjectSpec, RepositorySpec, RunSpec

REVISION = "5f2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b"
_MESSAGE = "health check failed after 30.2s: Deployment/web: exceeded quota: limits.cpu=90, limited: 4"


def make_project(records: Records, text: str = "") -> str:
    """The slug of a new project; `text` becomes its name, an answer and the message of what failed."""
    slug = f"shown-{uuid4().hex[:8]}"
    organization = records.directory.organization("platform")
    environments = records.directory.environments(organization.id, ["dev", "staging", "prod"])
    project = ProjectSpec(
        organization_id=organization.id,
        slug=slug,
        name=text or "Billing API",
        template_id="web-service",
        template_version="1.0.0",
        template_answers={"image": text or "registry.example.com/billing:1.4.2", "replicas": 2},
    )
    run = RunSpec(
        kind=OperationKind.INITIALIZE,
        dag_id="initialize_project",
        run_id=f"run-{slug}",
        requested_by=records.directory.user("demo").id,
        lease_seconds=60,
        triggered_by=text or "admin",
    )
    operation = records.operations.open(project, run)
    specs = [
        EnvironmentSpec(item, f"project-{slug}-{item.slug}", [(kind, slug) for kind in Kind])
        for item in environments
    ]
    repository = RepositorySpec(f"platform/{slug}", "private", "main")
    ids = records.resources.record(operation.id, operation.project_id, repository, specs)
    records.observations.repository_observed(
        operation.project_id,
        Observation(Status.SYNCED, "Observed", revision=REVISION),
        gitlab_id=uuid4().int % 2**40,
        http_url=f"https://gitlab.example.com/platform/{slug}.git",
        web_url=f"https://gitlab.example.com/platform/{slug}",
        created_by_us=True,
    )
    for environment_id in ids:
        for kind in Kind:
            synced = Observation(Status.SYNCED, "Observed", revision=REVISION)
            records.observations.resource_observed(environment_id, kind, synced)
    failed = Observation(Status.FAILED, "HealthCheckFailed", text or _MESSAGE)
    records.observations.resource_observed(ids[-1], Kind.KUSTOMIZATION, failed)
    _steps(records, operation.id, text or _MESSAGE)
    records.operations.close(operation.id, OperationStatus.FAILED, "HealthCheckFailed", text or _MESSAGE)
    return slug


def _steps(records: Records, operation_id: Any, message: str) -> None:
    for step, scope in (("preflight", ""), ("push_template", ""), ("create_kustomization", "dev")):
        entry = records.ledger.begin(operation_id, step, scope, {})
        records.ledger.done(entry.id)
    entry = records.ledger.begin(operation_id, "wait_until_synced", "prod", {})
    records.ledger.failed(entry.id, "HealthCheckFailed", message)
