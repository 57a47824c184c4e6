"""One environment compared with what its cluster shows: what is wrong, and how each resource stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from groundwork.clients.gitlab import DeployToken
from groundwork.clients.kubernetes import Manifest
from groundwork.model.changes import Action, Change, Difference, System
from groundwork.model.entities import GitOpsResource, Kind, Observation, Operation
from groundwork.model.findings import Finding, FindingClass
from groundwork.model.sightings import ResourceSighting
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations.reconcile.desired import desired
from groundwork.operations.reconcile.observation import ClusterView, key_of
from groundwork.records.inventory import RecordedEnvironment
from groundwork.resources import applied, credentials, ownership
from groundwork.resources.conditions import artifact_commit, commit_of, status_of
from groundwork.resources.credentials import TOKEN_ID_ANNOTATION
from groundwork.resources.kustomization import PARKED_ANNOTATION
from groundwork.resources.ownership import Claim
from groundwork.resources.standing import Progress, applied_standing, is_refused, source_standing
from groundwork.resources.target import Target

REFUSED_KIND = "DeployToken"
"""The kind under which it is found that GitLab does not accept what Flux signs in with."""

_SUSPEND = "spec.suspend"
_SEEN = Observation(Status.SYNCED, Reason.OBSERVED)
_FLUX = (Kind.GIT_REPOSITORY, Kind.KUSTOMIZATION)
_NOT_OURS_TO_JUDGE = (Status.REMOVING, Status.REMOVED)
# A rotation begins well before; by then it has not done its work.
_ENDS_SOON = timedelta(days=14)


@dataclass(frozen=True)
class Case:
    """What an environment is compared by. `tokens` are GitLab's active ones, None if they were not read;
    `deadline` is how long Flux may take."""

    target: Target
    recorded: RecordedEnvironment
    last: Operation | None
    view: ClusterView
    tokens: Sequence[DeployToken] | None
    now: datetime
    deadline: timedelta

    @property
    def slug(self) -> str:
        return self.target.environment.environment.slug


@dataclass
class Judgement:
    """What comes of it; `namespace_gone` is whether nothing of the environment can be there."""

    findings: list[Finding] = field(default_factory=list)
    sightings: list[ResourceSighting] = field(default_factory=list)
    namespace_gone: bool = False


def judge(case: Case) -> Judgement:
    """Compare one environment."""
    found = Judgement()
    planned = [
        (kind, manifest, case.view.objects.get(key_of(manifest))) for kind, manifest in desired(case.target)
    ]
    found.namespace_gone = _is_gone(planned[0][2], [existing for _, _, existing in planned])
    for kind in Kind:
        resource = case.recorded.resources.get(kind)
        if resource is None or resource.state.status in _NOT_OURS_TO_JUDGE:
            continue
        objects = [(manifest, item) for each, manifest, item in planned if each is kind]
        _resource(case, resource, objects, found)
    return found


def _resource(
    case: Case,
    resource: GitOpsResource,
    objects: Sequence[tuple[Manifest, Manifest | None]],
    judgement: Judgement,
) -> None:
    """Judge one recorded resource: its objects one by one, then how it stands as a whole."""
    if _is_unfinished(case, resource) and not any(existing for _, existing in objects):
        judgement.findings.append(_unfinished(case, resource))
        return
    if not objects:
        return
    findings = [finding for manifest, item in objects for finding in _object(case, resource, manifest, item)]
    quiet = judgement.namespace_gone and resource.kind is not Kind.NAMESPACE
    seen = _worst(findings)
    if seen is None:
        seen, more = _standing(case, resource, objects[0][1] or {})
        findings += more
    # Where the namespace is gone so is all in it, and one finding says it.
    judgement.findings += [item for item in findings if not quiet]
    if seen is not None:
        external_id = _external_id(case, resource.kind, objects[0][1])
        judgement.sightings.append(ResourceSighting(resource, seen, external_id))


def _object(
    case: Case, resource: GitOpsResource, manifest: Manifest, existing: Manifest | None
) -> Iterator[Finding]:
    planned = applied.change(manifest, existing, case.target.project.id, case.slug)
    match planned.action:
        case Action.CREATE | Action.WAIT:
            yield _found(case, FindingClass.MISSING, planned, planned.message or _gone(case))
        case Action.CONFLICT:
            yield _found(case, FindingClass.CONFLICT, planned, planned.message)
        case Action.CHANGE:
            yield from _changed(case, resource, planned, existing or {})


def _changed(case: Case, resource: GitOpsResource, planned: Change, existing: Manifest) -> Iterator[Finding]:
    suspended = [item for item in planned.differences if item.field == _SUSPEND]
    others = tuple(item for item in planned.differences if item.field != _SUSPEND)
    parked = PARKED_ANNOTATION in (existing["metadata"].get("annotations") or {})
    if parked or (suspended and resource.state.reason == Reason.QUARANTINED):
        return
    if suspended:
        message = f"somebody has suspended the {planned.kind}; `flux resume` lets it go on"
        yield _found(case, FindingClass.SUSPENDED, planned, message, tuple(suspended))
    if others:
        yield _found(case, FindingClass.DRIFTED, planned, _listed(others), others)


def _standing(
    case: Case, resource: GitOpsResource, existing: Manifest
) -> tuple[Observation | None, list[Finding]]:
    """How a resource whose objects are as they should be stands; None leaves what is recorded."""
    if resource.kind is Kind.CREDENTIALS:
        return _credentials(case, existing)
    if resource.kind not in _FLUX:
        return _SEEN, _stuck(case, resource, _SEEN)
    if resource.state.reason == Reason.QUARANTINED and existing.get("spec", {}).get("suspend"):
        return None, []
    source = case.view.objects.get((Kind.GIT_REPOSITORY, resource.namespace, resource.name))
    parked = (existing["metadata"].get("annotations") or {}).get(PARKED_ANNOTATION)
    if parked and existing.get("spec", {}).get("suspend"):
        return _parked(case, resource, existing, source, parked)
    fetched = artifact_commit(source) if source else None
    stands = (
        source_standing(existing)
        if resource.kind is Kind.GIT_REPOSITORY
        else applied_standing(existing, fetched)
    )
    if isinstance(stands, Progress):
        return _progressing(case, resource, stands)
    if stands.status is Status.FAILED:
        findings = [_of(case, FindingClass.FAILED, resource, f"{stands.reason}: {stands.message}")]
        if resource.kind is Kind.GIT_REPOSITORY and is_refused(existing):
            findings.append(_refused(case))
        return stands, findings
    return stands, _stuck(case, resource, stands)


def _parked(
    case: Case, resource: GitOpsResource, existing: Manifest, source: Manifest | None, reason: str
) -> tuple[Observation | None, list[Finding]]:
    """A parked Kustomization is resumed when its source has another commit than the one it failed on."""
    fetched = artifact_commit(source) if source else None
    attempted = commit_of(status_of(existing).get("lastAttemptedRevision"))
    message = f"parked because of {reason}: Flux leaves it alone until it is resumed"
    seen = None if resource.state.status is Status.FAILED else Observation(Status.FAILED, reason, message)
    if reason != Reason.QUARANTINED and fetched and attempted and fetched != attempted:
        told = f"parked for commit {attempted[:12]}, and the branch now holds {fetched[:12]}"
        return seen, [_of(case, FindingClass.PARKED, resource, told)]
    told = resource.state.message if resource.state.status is Status.FAILED else message
    return seen, [_of(case, FindingClass.FAILED, resource, told or message)]


def _progressing(
    case: Case, resource: GitOpsResource, progress: Progress
) -> tuple[Observation | None, list[Finding]]:
    """What Flux is working on stays as it was last seen, unless it was not known to have been accepted."""
    known = resource.state
    if known.status in (Status.PENDING, Status.DRIFTED):
        return Observation(Status.APPLIED, Reason.PROGRESSING, progress.message), []
    if known.status is Status.APPLIED and _is_overdue(case, resource):
        return None, [_of(case, FindingClass.WAITING, resource, progress.message)]
    return None, []


def _credentials(case: Case, secret: Manifest) -> tuple[Observation | None, list[Finding]]:
    resource = case.recorded.resources[Kind.CREDENTIALS]
    if case.tokens is None:
        return _SEEN, _stuck(case, resource, _SEEN)
    name = credentials.token_name(case.target)
    held = credentials.held_token(secret, [token for token in case.tokens if token.name == name])
    if held is None:
        message = "the deploy token in its Secret is revoked or has ended"
        seen = Observation(Status.DRIFTED, Reason.DRIFTED, message)
        return seen, [_of(case, FindingClass.CREDENTIALS, resource, message)]
    ends = datetime.fromisoformat(held.expires_at) if held.expires_at else None
    if ends is not None and ends < case.now + _ENDS_SOON:
        message = f"its deploy token ends on {ends:%Y-%m-%d} and was not rotated"
        return _SEEN, [_of(case, FindingClass.EXPIRING, resource, message)]
    return _SEEN, _stuck(case, resource, _SEEN)


def _stuck(case: Case, resource: GitOpsResource, seen: Observation) -> list[Finding]:
    """What was recorded as unfinished and is finished: recording it is all the healing it needs."""
    known = resource.state
    unfinished = known.status is Status.PENDING or (
        known.status is Status.APPLIED and _is_overdue(case, resource)
    )
    if seen.status is not Status.SYNCED or not unfinished:
        return []
    message = f"was recorded as {known.status}, and is there as it should be"
    return [_of(case, FindingClass.STUCK, resource, message)]


def _is_overdue(case: Case, resource: GitOpsResource) -> bool:
    since = resource.state.observed_at
    return since is not None and case.now - since > case.deadline


def _is_unfinished(case: Case, resource: GitOpsResource) -> bool:
    """Whether nobody has ever made a resource because the operation that was to failed before."""
    failed = case.last is not None and case.last.status is not OperationStatus.SUCCEEDED
    return failed and not resource.created_by_us and resource.external_id is None


def _unfinished(case: Case, resource: GitOpsResource) -> Finding:
    reason = case.last.message if case.last and case.last.message else "its operation did not come to it"
    return _of(case, FindingClass.UNFINISHED, resource, f"was never made: {reason}. Run the project again.")


def _refused(case: Case) -> Finding:
    return Finding(
        FindingClass.CREDENTIALS,
        System.CLUSTER,
        REFUSED_KIND,
        credentials.SECRET,
        "GitLab refuses the credentials Flux has",
        case.target.project.id,
        case.view.name,
        case.slug,
    )


def _worst(findings: Sequence[Finding]) -> Observation | None:
    """How a resource stands with these findings on its objects; None with none."""
    if not findings:
        return None
    told = "; ".join(f"{item.kind} {item.name}: {item.message}" for item in findings)
    classes = {item.finding_class for item in findings}
    reasons = {
        FindingClass.CONFLICT: Reason.DRIFTED,
        FindingClass.MISSING: Reason.MISSING,
        FindingClass.DRIFTED: Reason.DRIFTED,
        FindingClass.SUSPENDED: Reason.SUSPENDED,
    }
    reason = next(reason for each, reason in reasons.items() if each in classes)
    return Observation(Status.DRIFTED, reason, told)


def _external_id(case: Case, kind: Kind, existing: Manifest | None) -> str | None:
    if existing is None or kind is Kind.GUARDRAILS:
        return None
    if ownership.claim_on_object(existing, case.target.project.id) is Claim.FOREIGN:
        return None
    if kind is Kind.CREDENTIALS:
        return (existing["metadata"].get("annotations") or {}).get(TOKEN_ID_ANNOTATION)
    return str(existing["metadata"]["uid"])


def _gone(case: Case) -> str:
    return f"is not on cluster {case.view.name}, or has lost the project's label"


def _is_gone(namespace: Manifest | None, objects: Sequence[Manifest | None]) -> bool:
    """Whether a namespace cannot be there; one that has only lost its label still has what is in it."""
    if namespace is None:
        return not any(objects)
    return bool(namespace["metadata"].get("deletionTimestamp"))


def _found(
    case: Case,
    finding_class: FindingClass,
    planned: Change,
    message: str,
    differ: tuple[Difference, ...] = (),
) -> Finding:
    return Finding(
        finding_class,
        System.CLUSTER,
        planned.kind,
        planned.name,
        message,
        case.target.project.id,
        case.view.name,
        case.slug,
        differ,
    )


def _of(case: Case, finding_class: FindingClass, resource: GitOpsResource, message: str) -> Finding:
    return Finding(
        finding_class,
        System.CLUSTER,
        resource.kind,
        resource.name,
        message,
        case.target.project.id,
        case.view.name,
        case.slug,
    )


def _listed(differ: Sequence[Difference]) -> str:
    return "; ".join(str(item) for item in differ)
