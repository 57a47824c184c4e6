"""A project's repository compared with what GitLab shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from groundwork.clients.gitlab import GitLabProject
from groundwork.model.changes import Action, Change, Difference, System
from groundwork.model.entities import Observation, Repository
from groundwork.model.findings import Finding, FindingClass
from groundwork.model.request import RepositoryRequest
from groundwork.model.sightings import RepositorySighting
from groundwork.model.statuses import Reason, Status
from groundwork.operations.reconcile.looks import Look, needs_content
from groundwork.records.inventory import RecordedProject
from groundwork.resources import branch_protection, repository

_NOT_OURS_TO_JUDGE = (Status.REMOVING, Status.REMOVED)
_BEGUN = (Status.PENDING, Status.APPLIED)


@dataclass
class RepositoryJudgement:
    """What comes of it."""

    findings: list[Finding] = field(default_factory=list)
    sighting: RepositorySighting | None = None


def judge_repository(
    recorded: RecordedProject, listed: GitLabProject | None, look: Look | None
) -> RepositoryJudgement:
    """Compare a repository; `listed` is the project's own among those that GitLab lists."""
    known = recorded.repository
    if known is None or known.state.status in _NOT_OURS_TO_JUDGE:
        return RepositoryJudgement()
    found = listed or (look.found if look else None)
    if found is None:
        return _absent(recorded, known, asked=look is not None)
    if found.deletion_date:
        message = f"GitLab deletes it on {found.deletion_date}: restore it there, or decommission the project"
        return _lost(recorded, known, FindingClass.REPOSITORY_GONE, message)
    if known.state.reason == Reason.QUARANTINED:
        return RepositoryJudgement()
    planned = repository.change(recorded.project, known, found, _choices(known))
    if planned.action is Action.CONFLICT:
        return _lost(recorded, known, FindingClass.CONFLICT, planned.message)
    findings = [*_settings(recorded, planned), *_protection(recorded, known, found, look)]
    if findings:
        told = "; ".join(f"{item.kind}: {item.message}" for item in findings)
        seen: Observation | None = Observation(Status.DRIFTED, Reason.DRIFTED, told)
    else:
        seen, findings = _stands(recorded, known, look)
    return RepositoryJudgement(findings, _sighting(known, found, seen))


def _absent(recorded: RecordedProject, known: Repository, *, asked: bool) -> RepositoryJudgement:
    if known.gitlab_id is None:
        reason = (recorded.last.message if recorded.last else None) or "its operation did not come to it"
        message = f"was never made: {reason}. Run the project again."
        return RepositoryJudgement([_finding(recorded, FindingClass.UNFINISHED, message)])
    if not asked:
        return RepositoryJudgement()
    message = (
        f"GitLab has no project {known.gitlab_id} any more, or hides it from Groundwork's token: restore it,"
        " or decommission the project"
    )
    return _lost(recorded, known, FindingClass.REPOSITORY_GONE, message)


def _lost(
    recorded: RecordedProject, known: Repository, finding_class: FindingClass, message: str
) -> RepositoryJudgement:
    reason = Reason.MISSING if finding_class is FindingClass.REPOSITORY_GONE else Reason.DRIFTED
    seen = Observation(Status.DRIFTED, reason, message)
    return RepositoryJudgement([_finding(recorded, finding_class, message)], RepositorySighting(known, seen))


def _settings(recorded: RecordedProject, planned: Change) -> list[Finding]:
    if planned.action is Action.NONE:
        return []
    differ = planned.differences
    return [_finding(recorded, FindingClass.DRIFTED, _listed(differ), differ)]


def _protection(
    recorded: RecordedProject, known: Repository, found: GitLabProject, look: Look | None
) -> list[Finding]:
    if look is None or not look.is_own or found.default_branch is None:
        return []
    planned = branch_protection.change(known, look.protection)
    if planned.action is Action.NONE:
        return []
    message = _listed(planned.differences) or "the default branch is not protected"
    finding = Finding(
        FindingClass.DRIFTED,
        System.GITLAB,
        branch_protection.KIND,
        known.default_branch,
        message,
        recorded.project.id,
        differences=planned.differences,
    )
    return [finding]


def _stands(
    recorded: RecordedProject, known: Repository, look: Look | None
) -> tuple[Observation | None, list[Finding]]:
    """How a repository with the right settings stands; None leaves what is recorded."""
    revision = known.state.revision
    if needs_content(known):
        revision = look.revision if look else None
        if look is not None and revision is None and known.state.reason != Reason.MERGE_REQUEST_OPEN:
            message = "its default branch does not hold the project's content. Run the project again."
            return None, [_finding(recorded, FindingClass.UNFINISHED, message)]
    if revision is None:
        return None, []
    findings = []
    if known.state.status in _BEGUN and known.state.reason != Reason.MERGE_REQUEST_OPEN:
        message = f"was recorded as {known.state.status}, and is there as it should be"
        findings.append(_finding(recorded, FindingClass.STUCK, message))
    return Observation(Status.SYNCED, Reason.OBSERVED, revision=revision), findings


def _sighting(known: Repository, found: GitLabProject, seen: Observation | None) -> RepositorySighting | None:
    if seen is None:
        return None
    return RepositorySighting(
        known,
        seen,
        gitlab_id=found.id,
        http_url=found.http_url,
        web_url=found.web_url,
        created_by_us=known.gitlab_id is None and not repository.is_adopted(found),
    )


def _choices(known: Repository) -> RepositoryRequest:
    return RepositoryRequest.model_validate({"group_path": known.path.rpartition("/")[0]})


def _finding(
    recorded: RecordedProject,
    finding_class: FindingClass,
    message: str,
    differ: tuple[Difference, ...] = (),
) -> Finding:
    path = recorded.repository.path if recorded.repository else recorded.project.slug
    return Finding(
        finding_class,
        System.GITLAB,
        repository.KIND,
        path,
        message,
        recorded.project.id,
        differences=differ,
    )


def _listed(differ: Sequence[Difference]) -> str:
    return "; ".join(str(item) for item in differ)
