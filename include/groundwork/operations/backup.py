"""What is stored of a project before it is removed: its repository, its manifests, its records.

One copy per operation. Secrets are not in it, nor is what GitLab keeps beside the repository (merge requests,
issues, variables).
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from groundwork.clients.kubernetes import Manifest
from groundwork.clients.storage import Storage
from groundwork.model.entities import Project
from groundwork.operations.decommission_steps import request_of
from groundwork.operations.environment_steps import target_of
from groundwork.operations.ledger import step
from groundwork.operations.retirement import find_repository
from groundwork.operations.services import Services
from groundwork.resources import git_repository, guardrails, kustomization, namespace
from groundwork.resources.target import Target

BUNDLE, MANIFESTS, RECORDS = "repository.bundle", "manifests.yaml", "records.json"
_OF_THE_SERVER = ("managedFields", "uid", "resourceVersion", "generation", "creationTimestamp")


def back_up(services: Services, operation_id: UUID) -> None:
    """Store the project, if the request wants it; where goes into the ledger.

    A try that was cut off is made good by the next. Raises as `Storage`.
    """
    operation = services.records.operations.get(operation_id)
    with step(services, operation_id, "back_up") as outcome:
        location = services.settings.backup_location
        if not request_of(operation).backup or location is None:
            outcome.result = {"location": None}
            return
        project = services.records.projects.get(operation.project_id)
        storage, name = Storage(location), f"{project.slug}-{operation_id}"
        if not storage.is_whole(name):
            with tempfile.TemporaryDirectory(prefix="groundwork-") as folder:
                _fill(services, operation_id, project, Path(folder))
                storage.store(name, Path(folder))
        outcome.result = {"location": storage.url(name), "files": storage.files(name)}


def _fill(services: Services, operation_id: UUID, project: Project, folder: Path) -> None:
    (folder / RECORDS).write_text(json.dumps(_records(services, project), indent=2, default=str))
    (folder / MANIFESTS).write_text(yaml.safe_dump_all(_manifests(services, operation_id, project)))
    found, _ = find_repository(services, project)
    if found is not None:
        services.git.bundle(found.http_url, folder / BUNDLE)


def _records(services: Services, project: Project) -> dict[str, Any]:
    records = services.records
    _, recorded = find_repository(services, project)
    environments = records.resources.environments_of(project.id)
    return {
        "project": asdict(project),
        "repository": asdict(recorded) if recorded else None,
        "environments": [
            {**asdict(item), "resources": [asdict(one) for one in records.resources.resources(item.id)]}
            for item in environments
        ],
        "operations": [asdict(item) for item in records.operations.list(project.id, limit=1000)],
        "audit_events": [asdict(item) for item in records.audit.timeline(project.id, limit=10_000)],
    }


def _manifests(services: Services, operation_id: UUID, project: Project) -> list[Manifest]:
    """What Groundwork made in the clusters, without the Secrets; what Flux applied is in the repository."""
    found = []
    for environment in services.records.resources.environments_of(project.id):
        target = target_of(services, operation_id, environment.environment.slug)
        cluster = services.cluster(environment.environment.cluster)
        existing = [cluster.get(reference) for reference in _references(target)]
        found += [_portable(item) for item in existing if item is not None]
    return found


def _references(target: Target) -> list[Manifest]:
    return [
        namespace.reference(target.namespace),
        *guardrails.desired(target),
        git_repository.reference(target.namespace, git_repository.name(target)),
        kustomization.reference(target.namespace, kustomization.name(target)),
    ]


def _portable(existing: Manifest) -> Manifest:
    """An object without what only its API server knows."""
    metadata = {key: value for key, value in existing["metadata"].items() if key not in _OF_THE_SERVER}
    return {**{key: value for key, value in existing.items() if key != "status"}, "metadata": metadata}
