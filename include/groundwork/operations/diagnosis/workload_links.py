"""The last link: why what Flux has applied does not become healthy. Pure.

Sources: Kubernetes docs, "Pod Lifecycle" (container states), "Deployment status", "Jobs"; the waiting reasons
are the kubelet's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from groundwork.clients.kubernetes import Manifest
from groundwork.model.statuses import Reason
from groundwork.operations.diagnosis.facts import Workload
from groundwork.operations.diagnosis.findings import Link, Place, State

_IMAGE = "correct the image's name, or give the namespace what it takes to pull from its registry"
_CONFIGURATION = "correct what the message names in the repository"
_CRASH = "read the container's log: kubectl logs -n {namespace} {pod} -c {container} --previous"
_WAITING = {
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": _IMAGE,
    "ErrImageNeverPull": _IMAGE,
    "CreateContainerConfigError": _CONFIGURATION,
    "CreateContainerError": _CONFIGURATION,
    "RunContainerError": _CONFIGURATION,
    "CrashLoopBackOff": _CRASH,
}
_WARNINGS = {
    "FailedMount": "make what it mounts available: a Secret, ConfigMap or volume",
    "FailedAttachVolume": "look at the volume: it may still be attached elsewhere",
    "FailedCreatePodSandBox": "look at the node's network and runtime",
    "FailedCreate": "lower what it asks for, raise the environment's quota, or meet the namespace's policy",
    "Unhealthy": "correct the probe, or what it asks",
}
_OUT_OF_MEMORY = "raise the container's memory limit, or make it need less"
_NO_ROOM = "lower what it asks for, correct its node selector, or give the cluster room"


@dataclass(frozen=True)
class _Ailment:
    """One thing wrong with an object; `rank` orders them, the most telling first."""

    rank: int
    name: str
    reason: str
    message: str
    remedy: str
    state: State = State.BROKEN


def workload(seen: Workload | None, *, applied: bool) -> Link:
    """What is wrong with the workload; `seen` None where it was not looked at, because Flux says it is
    healthy or (not `applied`) because there is none yet."""
    if seen is None and applied:
        return Link(Place.WORKLOAD, "all", State.OK, message="Flux has found it healthy")
    if seen is None:
        return Link(Place.WORKLOAD, "none", State.ABSENT, Reason.NOT_REACHED, "nothing has been applied")
    found = sorted(_ailments(seen), key=lambda ailment: ailment.rank)
    if not found:
        return Link(Place.WORKLOAD, "all", State.OK, message="pods and their controllers are ready")
    worst = found[0]
    alike = {item.name for item in found if item.reason == worst.reason} - {worst.name}
    told = replace(worst, message=f"{worst.message} ({len(alike)} more likewise)") if alike else worst
    return Link(Place.WORKLOAD, told.name, told.state, told.reason, told.message, told.remedy)


def _ailments(seen: Workload) -> Iterator[_Ailment]:
    living = [pod for pod in seen.pods if not pod["metadata"].get("deletionTimestamp")]
    for pod in living:
        yield from _pod(pod)
    unready = [item for item in seen.controllers if not _ready(item)]
    for item in unready:
        yield from _controller(item)
    ailing = {_name(item) for item in (*unready, *(pod for pod in living if not _pod_ready(pod)))}
    yield from _warned(seen.warnings, ailing)


def _pod(pod: Manifest) -> Iterator[_Ailment]:
    name, status = _name(pod), pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason")
        if reason not in _WAITING:
            continue
        last = (container.get("lastState") or {}).get("terminated") or {}
        message = f"container {container['name']}: {waiting.get('message') or reason}"
        if last:
            message += f"; last ended with {last.get('reason')}, exit code {last.get('exitCode')}"
        if last.get("reason") == "OOMKilled":
            yield _Ailment(0, name, "OOMKilled", message, _OUT_OF_MEMORY)
        else:
            place = {"namespace": pod["metadata"].get("namespace"), "pod": pod["metadata"]["name"]}
            remedy = _WAITING[reason].format(**place, container=container["name"])
            yield _Ailment(0, name, reason, message, remedy)
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        reason, message = scheduled.get("reason") or "Unschedulable", scheduled.get("message") or ""
        yield _Ailment(1, name, reason, message, _NO_ROOM)


def _controller(item: Manifest) -> Iterator[_Ailment]:
    name = _name(item)
    refused, failed = _condition(item, "ReplicaFailure"), _condition(item, "Failed")
    if refused.get("status") == "True":
        reason = refused.get("reason") or "FailedCreate"
        yield _Ailment(2, name, reason, refused.get("message") or "", _WARNINGS["FailedCreate"])
    if failed.get("status") == "True":
        metadata = item["metadata"]
        remedy = f"read its log: kubectl logs -n {metadata.get('namespace')} job/{metadata['name']}"
        yield _Ailment(3, name, failed.get("reason") or "Failed", failed.get("message") or "", remedy)
    progressing = _condition(item, "Progressing")
    wanted, ready = _replicas(item)
    message = f"{ready} of {wanted} are ready"
    if progressing.get("status") == "False":
        reason = progressing.get("reason") or "NotProgressing"
        yield _Ailment(5, name, reason, f"{message}: {progressing.get('message')}", "look at its pods")
    else:
        remedy = "wait, or look at its pods' readiness"
        yield _Ailment(6, name, "NotReady", message, remedy, State.WAITING)


def _warned(warnings: Sequence[Manifest], ailing: set[str]) -> Iterator[_Ailment]:
    """The last warning of each kind that tells of what is not ready."""
    latest: dict[tuple[str, str], Manifest] = {}
    for event in sorted(warnings, key=_last_seen):
        about = event.get("involvedObject") or {}
        name = f"{about.get('kind')}/{about.get('name')}"
        # A ReplicaSet's warnings are its Deployment's.
        known = name in ailing or about.get("kind") == "ReplicaSet"
        if known and event.get("reason") in _WARNINGS:
            latest[name, str(event["reason"])] = event
    for (name, reason), event in latest.items():
        yield _Ailment(4, name, reason, event.get("message") or "", _WARNINGS[reason])


def _ready(item: Manifest) -> bool:
    if item["kind"] == "Job":
        return _condition(item, "Failed").get("status") != "True"
    wanted, ready = _replicas(item)
    return ready >= wanted


def _replicas(item: Manifest) -> tuple[int, int]:
    """How many pods a controller wants and how many of them are ready."""
    status, spec = item.get("status") or {}, item.get("spec") or {}
    if item["kind"] == "DaemonSet":
        return int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
    if item["kind"] == "Job":
        return int(spec.get("completions") or 1), int(status.get("succeeded") or 0)
    wanted = spec.get("replicas")
    return 1 if wanted is None else int(wanted), int(status.get("readyReplicas") or 0)


def _pod_ready(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") == "Succeeded" or _condition(pod, "Ready").get(
        "status"
    ) == "True"


def _condition(item: Manifest, kind: str) -> dict[str, Any]:
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _name(item: Manifest) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _last_seen(event: Manifest) -> str:
    times = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return str(next((time for time in times if time), ""))
