"""The marks by which Groundwork knows its own work, in clusters and in GitLab. Pure.

What does not carry a project's marks is somebody else's: it is never changed and never deleted. The one
exception is an object without any project's mark that the records know by its uid: that one has lost it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from groundwork.clients.gitlab import GitLabProject
from groundwork.clients.kubernetes import Manifest
from groundwork.errors import Conflict

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "groundwork"
PROJECT_ID_LABEL = "groundwork.dev/project-id"
PROJECT_LABEL = "groundwork.dev/project"
ENVIRONMENT_LABEL = "groundwork.dev/environment"
SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
OWNED_SELECTOR = PROJECT_ID_LABEL
"""Everything that belongs to some project, whatever became of its other labels."""

TOPIC = "groundwork"
ADOPTED_TOPIC = f"{TOPIC}-adopted"


class Claim(StrEnum):
    """To whom an existing thing belongs."""

    ABSENT = "absent"
    OURS = "ours"
    DOOMED = "doomed"
    FOREIGN = "foreign"


def labels(project_id: UUID, project_slug: str, environment_slug: str) -> dict[str, str]:
    """The labels of everything Groundwork makes in a cluster."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        PROJECT_ID_LABEL: str(project_id),
        PROJECT_LABEL: project_slug,
        ENVIRONMENT_LABEL: environment_slug,
    }


def is_mark(label: str) -> bool:
    """Whether a label is one of those."""
    return label in (MANAGED_BY_LABEL, PROJECT_ID_LABEL, PROJECT_LABEL, ENVIRONMENT_LABEL)


def topics(project_id: UUID, *, adopted: bool = False) -> tuple[str, ...]:
    """The GitLab topics of a project's repository; one that Groundwork did not create has a third."""
    own = (TOPIC, f"{TOPIC}-{project_id}")
    return (*own, ADOPTED_TOPIC) if adopted else own


def project_of_topics(found: Iterable[str]) -> UUID | None:
    """The project that a repository's topics name, or None if they name none."""
    for topic in found:
        marked = topic.removeprefix(f"{TOPIC}-")
        if marked != topic and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", marked):
            return UUID(marked)
    return None


def claim_on_object(existing: Manifest | None, project_id: UUID, known_uid: str | None = None) -> Claim:
    """Whose a Kubernetes object is; `doomed` when it is being deleted.

    `known_uid` is that of the object the project has made, where that is on record. No other object ever has
    it (Kubernetes docs, "Object Names and IDs"), so it proves whose one is that has lost its mark.
    """
    if existing is None:
        return Claim.ABSENT
    metadata = existing["metadata"]
    marked = (metadata.get("labels") or {}).get(PROJECT_ID_LABEL)
    is_known = marked is None and known_uid is not None and metadata.get("uid") == known_uid
    if marked != str(project_id) and not is_known:
        return Claim.FOREIGN
    return Claim.DOOMED if metadata.get("deletionTimestamp") else Claim.OURS


def claim_on_repository(existing: GitLabProject | None, project_id: UUID) -> Claim:
    """Whose a GitLab project is; `doomed` when it is the project's and marked for deletion."""
    if existing is None:
        return Claim.ABSENT
    if not set(topics(project_id)) <= set(existing.topics):
        return Claim.FOREIGN
    return Claim.DOOMED if existing.deletion_date else Claim.OURS


def foreign_object(existing: Manifest, cluster: str = "") -> Conflict:
    """The error for an object that is not the project's; `cluster` is named where it is not clear."""
    metadata = existing["metadata"]
    place = f" in namespace {metadata['namespace']}" if metadata.get("namespace") else ""
    place += f" on cluster {cluster}" if cluster else ""
    return Conflict(
        f"{existing['kind']} {metadata['name']}{place} exists and was not made for this project."
        " It was not touched: choose another slug, or remove it."
    )


def foreign_repository(path: str) -> Conflict:
    """The error for a GitLab project that is not the project's."""
    return Conflict(
        f"GitLab already has a project at {path} that was not made for this project. It was not touched:"
        " choose another slug or group, rename that project, or set repository.adopt to take it over."
    )


def doomed_repository(existing: GitLabProject) -> Conflict:
    """The error for the project's own GitLab project when it waits for its deletion."""
    return Conflict(
        f"GitLab's project {existing.path} is marked for deletion on {existing.deletion_date}. Set"
        " repository.on_pending_deletion to restore, or delete it for good, then run this again."
    )
