"""The links in a cluster as far as Flux: namespace, credentials, GitRepository, Kustomization. Pure.

Sources: Flux API docs, "Kustomization status" and "GitRepository status"; see also `resources.verdict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from groundwork.clients.kubernetes import Manifest
from groundwork.model.entities import GitOpsResource, Kind
from groundwork.model.statuses import Reason
from groundwork.operations.diagnosis import advice, gitlab_links
from groundwork.operations.diagnosis.facts import EnvironmentFacts, ProjectFacts
from groundwork.operations.diagnosis.findings import Link, Place, State
from groundwork.resources import ownership
from groundwork.resources.conditions import commit_of
from groundwork.resources.kustomization import PARKED_ANNOTATION
from groundwork.resources.ownership import Claim

HEALTH = "HealthCheckFailed"
_SILENCE = timedelta(minutes=5)
_PLACES = {
    Kind.NAMESPACE: Place.NAMESPACE,
    Kind.CREDENTIALS: Place.CREDENTIALS,
    Kind.GIT_REPOSITORY: Place.SOURCE,
    Kind.KUSTOMIZATION: Place.KUSTOMIZATION,
}
_PASSING = ("Progressing", "ProgressingWithRetry", "DependencyNotReady", "HealthCheckCanceled")


@dataclass(frozen=True)
class Context:
    """What the links of one environment are found from; `resources` are the recorded ones by kind."""

    facts: ProjectFacts
    seen: EnvironmentFacts
    resources: dict[Kind, GitOpsResource]
    now: datetime


def namespace(context: Context) -> Link:
    """Whether the namespace is there, the project's, and has its guardrails."""
    found = _present(context, Kind.NAMESPACE, context.seen.namespace)
    missing = context.seen.missing_guardrails
    guardrails = context.resources.get(Kind.GUARDRAILS)
    if found.state is not State.OK or not missing or guardrails is None or not guardrails.created_by_us:
        return found
    message = f"lacks {', '.join(missing)}"
    return Link(
        found.place, found.name, State.BROKEN, "GuardrailsMissing", message, advice.AGAIN, repairable=True
    )


def secret(context: Context) -> Link:
    """Whether the credentials are there, and good."""
    found = _present(context, Kind.CREDENTIALS, context.seen.secret)
    if found.state is not State.OK or context.seen.secret is None:
        return found
    recorded = context.resources[Kind.CREDENTIALS]
    return gitlab_links.token(context.facts, recorded, context.seen.secret)


def source(context: Context) -> Link:
    """Whether Flux fetches the repository."""
    item = context.seen.source
    found = _present(context, Kind.GIT_REPOSITORY, item)
    if found.state is not State.OK or item is None:
        return found
    if item.get("spec", {}).get("suspend"):
        return _suspended(
            found, context.resources[Kind.GIT_REPOSITORY], "it is suspended, so nothing new is fetched"
        )
    refused = _condition(item, "Stalled", "True") or _condition(item, "Ready", "False")
    if refused:
        return _refused(found, refused, advice.for_source(str(refused.get("reason"))))
    artifact = commit_of(((item.get("status") or {}).get("artifact") or {}).get("revision"))
    if artifact is None or _condition(item, "Ready", "True") is None:
        return _busy(context, found, item, "source-controller", "Flux has not fetched it yet")
    return Link(found.place, found.name, State.OK, message=f"Flux has fetched {artifact[:12]}")


def kustomization(context: Context) -> Link:
    """Whether Flux has applied what it fetched, and found it healthy."""
    item = context.seen.kustomization
    found = _present(context, Kind.KUSTOMIZATION, item)
    if found.state is not State.OK or item is None:
        return found
    if item.get("spec", {}).get("suspend"):
        return _parked(context, found, item)
    stalled, failed = _condition(item, "Stalled", "True"), _condition(item, "Ready", "False")
    if stalled:
        return _refused(found, stalled, advice.for_kustomization(str(stalled.get("reason"))))
    if failed and failed.get("reason") not in _PASSING:
        return _refused(found, failed, advice.for_kustomization(str(failed.get("reason"))))
    if failed:
        return _waiting(found, failed)
    return _applied(context, found, item)


def follows_workload(link: Link) -> bool:
    """Whether a Kustomization is broken only because its workload is not healthy."""
    return link.state is State.BROKEN and link.reason in (HEALTH, f"Parked{HEALTH}") and not link.repairable


def healthy(item: Manifest | None) -> bool:
    """Whether Flux says of its present state that all it has applied is healthy, or has applied nothing."""
    if item is None:
        return True
    status = item.get("status") or {}
    if not (status.get("inventory") or {}).get("entries"):
        return True
    return _condition(item, "Ready", "True") is not None and _condition(item, "Healthy", "False") is None


def _present(context: Context, kind: Kind, item: Manifest | None) -> Link:
    """`ok` for an object that is there and the project's; anything else says why it is not."""
    place, recorded = _PLACES[kind], context.resources.get(kind)
    if recorded is None:
        return Link(place, "none", State.ABSENT, Reason.NOT_REACHED, "has not been recorded")
    if context.seen.error is not None:
        error = context.seen.error
        return Link(place, recorded.name, State.UNKNOWN, error.reason, error.message, "look again")
    if item is None and not recorded.created_by_us:
        return Link(place, recorded.name, State.ABSENT, Reason.NOT_REACHED, "has not been created")
    if item is None:
        message = f"{_title(recorded)} is gone"
        return Link(place, recorded.name, State.BROKEN, "Missing", message, advice.AGAIN, repairable=True)
    claim = ownership.claim_on_object(item, context.facts.case.project.id)
    if claim is Claim.FOREIGN:
        message = ownership.foreign_object(item, recorded.cluster).message
        remedy = "remove it, or ask for another slug"
        return Link(place, recorded.name, State.BROKEN, "Conflict", message, remedy)
    if claim is Claim.DOOMED:
        holders = ", ".join(item["metadata"].get("finalizers") or ()) or "none of its own"
        since = item["metadata"]["deletionTimestamp"]
        message = f"{_title(recorded)} is being deleted since {since} (finalizers: {holders})"
        remedy = f"wait until it is gone, or see what holds it; then {advice.AGAIN}"
        return Link(place, recorded.name, State.BROKEN, "Terminating", message, remedy, repairable=True)
    return Link(place, recorded.name, State.OK, message="is there")


def _title(recorded: GitOpsResource) -> str:
    kind = "Secret" if recorded.kind is Kind.CREDENTIALS else recorded.kind.value
    place = "" if recorded.kind is Kind.NAMESPACE else f" in namespace {recorded.namespace}"
    return f"{kind} {recorded.name}{place} on cluster {recorded.cluster}"


def _suspended(found: Link, recorded: GitOpsResource, message: str) -> Link:
    reason = Reason.QUARANTINED if recorded.state.reason == Reason.QUARANTINED else "Suspended"
    remedy = f"resume it, or {advice.AGAIN}, which does"
    return Link(found.place, found.name, State.BROKEN, reason, message, remedy, repairable=True)


def _parked(context: Context, found: Link, item: Manifest) -> Link:
    reason = (item["metadata"].get("annotations") or {}).get(PARKED_ANNOTATION)
    if reason in (None, Reason.QUARANTINED):
        recorded = context.resources[Kind.KUSTOMIZATION]
        return _suspended(found, recorded, "it is suspended, so nothing is applied")
    failed = _condition(item, "Ready", "False") or {}
    attempted = commit_of((item.get("status") or {}).get("lastAttemptedRevision"))
    newer = _artifact(context) if _artifact(context) not in (None, attempted) else None
    said = failed.get("message") or "it kept failing"
    if newer:
        message = f"parked for {attempted and attempted[:12]} ({said}); the branch has {newer[:12]} by now"
        return Link(
            found.place, found.name, State.BROKEN, f"Parked{reason}", message, advice.AGAIN, repairable=True
        )
    remedy = advice.for_kustomization(reason).remedy
    return Link(found.place, found.name, State.BROKEN, f"Parked{reason}", f"parked: {said}", remedy)


def _applied(context: Context, found: Link, item: Manifest) -> Link:
    status = item.get("status") or {}
    ready = _condition(item, "Ready", "True")
    current = status.get("observedGeneration") == item["metadata"].get("generation")
    if ready is None or not current:
        told = _condition(item, "Reconciling", "True") or _condition(item, "Ready", "Unknown") or {}
        return _busy(
            context, found, item, "kustomize-controller", told.get("message") or "Flux has not applied it yet"
        )
    applied, artifact = commit_of(status.get("lastAppliedRevision")), _artifact(context)
    if applied is None or (artifact and applied != artifact):
        return _busy(
            context, found, item, "kustomize-controller", f"Flux has not applied {str(artifact)[:12]} yet"
        )
    return Link(found.place, found.name, State.OK, message=f"Flux has applied {applied[:12]}")


def _busy(context: Context, found: Link, item: Manifest, controller: str, message: str) -> Link:
    """Still at it, unless the controller has said nothing at all for long."""
    created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
    if (item.get("status") or {}).get("conditions") or context.now - created < _SILENCE:
        return Link(found.place, found.name, State.WAITING, "Progressing", message, "wait for Flux")
    message = f"{controller} has not looked at it since {created:%Y-%m-%d %H:%M:%S} UTC"
    remedy = f"look whether {controller} runs in the cluster"
    return Link(found.place, found.name, State.BROKEN, "ControllerSilent", message, remedy)


def _refused(found: Link, condition: Manifest, advised: advice.Advice) -> Link:
    reason, message = str(condition.get("reason") or "Failed"), str(condition.get("message") or "").strip()
    return Link(found.place, found.name, State.BROKEN, reason, message, advised.remedy, advised.repairable)


def _waiting(found: Link, condition: Manifest) -> Link:
    reason, message = str(condition.get("reason")), str(condition.get("message") or "").strip()
    return Link(found.place, found.name, State.WAITING, reason, message, "wait for Flux")


def _artifact(context: Context) -> str | None:
    status = (context.seen.source or {}).get("status") or {}
    return commit_of((status.get("artifact") or {}).get("revision"))


def _condition(item: Manifest, kind: str, value: str) -> Manifest | None:
    """The condition of this type if it has this value and is of the object's present generation."""
    generation = item["metadata"].get("generation")
    for condition in (item.get("status") or {}).get("conditions") or []:
        if condition.get("type") == kind and condition.get("status") == value:
            return condition if condition.get("observedGeneration", generation) == generation else None
    return None
