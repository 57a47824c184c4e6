"""What becomes of the repository when its project is removed, and of the pushes to it meanwhile.

Only one that Groundwork created is archived or deleted; one that it adopted loses Groundwork's marks and
stays. What is to be done is a pure decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from groundwork.clients.gitlab import CommitInfo, GitLab, GitLabProject
from groundwork.errors import NotFound, PermanentError, WaitingError
from groundwork.model.entities import Observation, Project, Repository
from groundwork.model.lifecycle import DecommissionRequest, RepositoryFate
from groundwork.model.statuses import Reason, Status
from groundwork.operations.decommission_steps import request_of
from groundwork.operations.ledger import step
from groundwork.operations.removal import reason_to_keep
from groundwork.operations.services import Services
from groundwork.resources import ownership, repository
from groundwork.resources.ownership import Claim

_LOOK_AGAIN = 2.0


class Retirement(StrEnum):
    """What is done to a repository."""

    NOTHING = "nothing"
    LEAVE = "leave"
    UNMARK = "unmark"
    KEEP = "keep"
    ARCHIVE = "archive"
    DELETE = "delete"


@dataclass(frozen=True)
class Decision:
    """`why` says what the request alone does not."""

    retirement: Retirement
    why: str = ""


def decide(
    found: GitLabProject | None,
    commits: Iterable[CommitInfo],
    project: Project,
    recorded: Repository,
    request: DecommissionRequest,
) -> Decision:
    """What is to become of the repository that GitLab has as `found`; `commits` are all it holds. Pure."""
    if found is None:
        return Decision(Retirement.NOTHING, "GitLab does not have it any more")
    if ownership.claim_on_repository(found, project.id) is Claim.FOREIGN:
        return Decision(Retirement.LEAVE, "it does not carry the project's marks")
    if repository.is_adopted(found) or not recorded.created_by_us:
        return Decision(Retirement.UNMARK, "it was there before Groundwork adopted it")
    if found.deletion_date:
        return Decision(Retirement.DELETE, "it had been marked for deletion before")
    if request.repository is not RepositoryFate.DELETE:
        return Decision(Retirement(request.repository))
    kept = None if request.delete_foreign_commits else reason_to_keep(found, commits, project, recorded)
    if kept:
        return Decision(Retirement.ARCHIVE, f"not deleted, because {kept}")
    return Decision(Retirement.DELETE)


def freeze_repository(services: Services, operation_id: UUID) -> None:
    """Archive the repository, which stops pushes and can be taken back, where it is going to be put away."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    project = services.records.projects.get(operation.project_id)
    with step(services, operation_id, "freeze_repository") as outcome:
        outcome.result = {"frozen": False}
        found, recorded = find_repository(services, project)
        if request.environment_ids or found is None or recorded is None:
            return
        planned = decide(found, (), project, recorded, request).retirement
        if planned in (Retirement.ARCHIVE, Retirement.DELETE) and not found.deletion_date:
            if not found.archived:
                services.gitlab.projects.archive(found.id)
            outcome.result = {"frozen": True}


def retire_repository(services: Services, operation_id: UUID) -> None:
    """Archive, delete, unmark or keep the repository; part of a project, with its repository, stays."""
    operation = services.records.operations.get(operation_id)
    request = request_of(operation)
    project = services.records.projects.get(operation.project_id)
    with step(services, operation_id, "retire_repository") as outcome:
        found, recorded = find_repository(services, project)
        if request.environment_ids or recorded is None:
            outcome.result = {"repository": Retirement.NOTHING}
            return
        commits = services.gitlab.repositories.commits(found.id) if found else ()
        decision = decide(found, commits, project, recorded, request)
        try:
            observed = _retire(services.gitlab, found, project, decision, request)
        except PermanentError as error:
            services.records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        services.records.observations.repository_observed(project.id, observed)
        outcome.external_id = str(found.id) if found else None
        outcome.result = {"repository": decision.retirement, "told": observed.message}


def find_repository(services: Services, project: Project) -> tuple[GitLabProject | None, Repository | None]:
    """The repository in GitLab, and as recorded; None where it is not."""
    try:
        recorded = services.records.resources.repository(project.id)
    except NotFound:
        return None, None
    return repository.find(services.gitlab, recorded), recorded


def _retire(
    gitlab: GitLab,
    found: GitLabProject | None,
    project: Project,
    decision: Decision,
    request: DecommissionRequest,
) -> Observation:
    """Carry a decision out; how the repository's record then reads."""
    if found is None:
        return _removed(Reason.REMOVED, decision.why)
    match decision.retirement:
        case Retirement.UNMARK:
            marks = ownership.topics(project.id, adopted=True)
            gitlab.projects.change(
                found.id, {"topics": [topic for topic in found.topics if topic not in marks]}
            )
            return _removed(Reason.LEFT, f"left at {found.path}, without Groundwork's marks: {decision.why}")
        case Retirement.ARCHIVE:
            if not found.archived:
                gitlab.projects.archive(found.id)
            why = f"; {decision.why}" if decision.why else ""
            return _removed(Reason.ARCHIVED, f"archived at {found.path}{why}")
        case Retirement.DELETE:
            return _delete(gitlab, found, for_good=request.delete_permanently)
        case Retirement.KEEP:
            return _removed(Reason.KEPT, f"kept at {found.path}")
        case _:
            return _removed(Reason.LEFT, f"left at {found.path}: {decision.why}")


def _delete(gitlab: GitLab, found: GitLabProject, *, for_good: bool) -> Observation:
    """GitLab's two steps: marked, which renames it and can be taken back, and gone."""
    if not found.deletion_date:
        gitlab.projects.mark_for_deletion(found.id)
    marked = gitlab.projects.get(found.id)
    if marked is None:
        return _removed(Reason.REMOVED, "deleted")
    if not for_good:
        message = f"marked for deletion on {marked.deletion_date}, until then at {marked.path}"
        return _removed(Reason.MARKED_FOR_DELETION, message)
    gitlab.projects.remove_marked(marked)
    if gitlab.projects.get(found.id) is not None:
        raise WaitingError(f"GitLab is deleting {marked.path}.", _LOOK_AGAIN)
    return _removed(Reason.REMOVED, "deleted for good")


def _removed(reason: Reason, message: str) -> Observation:
    return Observation(Status.REMOVED, reason, message)
