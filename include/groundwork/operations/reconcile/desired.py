"""All objects an environment should have in its cluster, each with the recorded resource it is part of."""

from __future__ import annotations

from groundwork.clients.kubernetes import Manifest
from groundwork.model.entities import Kind
from groundwork.operations.environment_steps import pace
from groundwork.records.inventory import RecordedEnvironment, RecordedProject
from groundwork.resources import credentials, git_repository, guardrails, kustomization, namespace
from groundwork.resources.target import Target
from groundwork.settings import Settings

Desired = list[tuple[Kind, Manifest]]


def target_of(
    settings: Settings, recorded: RecordedProject, environment: RecordedEnvironment
) -> Target | None:
    """What an environment's objects are computed from; None before the repository was recorded."""
    if recorded.repository is None:
        return None
    return Target(recorded.project, recorded.repository, environment.environment, pace(settings))


def desired(target: Target) -> Desired:
    """In the order of making; without the Flux objects while the repository has no URL."""
    found: Desired = [
        (Kind.NAMESPACE, namespace.desired(target)),
        *((Kind.GUARDRAILS, manifest) for manifest in guardrails.desired(target)),
        (Kind.CREDENTIALS, _metadata(credentials.reference(target))),
    ]
    if target.repository.http_url is not None:
        found.append((Kind.GIT_REPOSITORY, git_repository.desired(target)))
        found.append((Kind.KUSTOMIZATION, kustomization.desired(target)))
    return found


def _metadata(secret: Manifest) -> Manifest:
    """What can be seen of a Secret without reading what it holds."""
    return {key: secret[key] for key in ("apiVersion", "kind", "metadata")}
