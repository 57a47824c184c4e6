"""How an environment stands in Flux, for every state its objects can be in."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.model.entities import Observation
from groundwork.resources.standing import Progress, applied_standing, is_refused, source_standing

COMMIT, OTHER = "a" * 40, "b" * 40


def flux(*conditions: tuple[str, str, str, str], observed: int = 2, **status: Any) -> dict[str, Any]:
    """An object of generation 2 with these conditions: type, status, reason, message."""
    made = [
        {"type": kind, "status": value, "reason": reason, "message": message, "observedGeneration": observed}
        for kind, value, reason, message in conditions
    ]
    return {"metadata": {"generation": 2}, "spec": {}, "status": {"conditions": made, **status}}


READY = ("Ready", "True", "Succeeded", "fine")
ARTIFACT = {"artifact": {"revision": f"main@sha1:{COMMIT}"}}
APPLIED = {"lastAppliedRevision": f"main@sha1:{COMMIT}", "observedGeneration": 2}


def seen(found: Observation | Progress) -> tuple[str, str | None]:
    if isinstance(found, Progress):
        return "progress", None
    return found.status.value, found.revision if found.status == "synced" else found.reason


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (flux(READY, **ARTIFACT), ("synced", COMMIT)),
        (flux(READY), ("progress", None)),
        (flux(READY, observed=1, **ARTIFACT), ("progress", None)),
        (flux(("Ready", "Unknown", "Progressing", "fetching"), **ARTIFACT), ("progress", None)),
        (flux(("Ready", "False", "GitOperationFailed", "no"), **ARTIFACT), ("failed", "GitOperationFailed")),
        (flux(("Ready", "False", "GitOperationFailed", "no"), observed=1), ("progress", None)),
        (flux(("Stalled", "True", "URLInvalid", "bad"), READY), ("failed", "URLInvalid")),
        ({"metadata": {"generation": 1}}, ("progress", None)),
    ],
)
def test_a_source(source: dict[str, Any], expected: tuple[str, str | None]) -> None:
    assert seen(source_standing(source)) == expected


@pytest.mark.parametrize(
    ("kustomization", "fetched", "expected"),
    [
        (flux(READY, **APPLIED), COMMIT, ("synced", COMMIT)),
        (flux(READY, **APPLIED), None, ("synced", COMMIT)),
        (flux(READY, **APPLIED), OTHER, ("progress", None)),
        (flux(READY, **{**APPLIED, "observedGeneration": 1}), COMMIT, ("progress", None)),
        (flux(READY, observedGeneration=2), COMMIT, ("progress", None)),
        (flux(("Ready", "False", "BuildFailed", "no")), COMMIT, ("failed", "BuildFailed")),
        (flux(("Ready", "False", "HealthCheckFailed", "no")), COMMIT, ("failed", "HealthCheckFailed")),
        (flux(("Ready", "False", "DependencyNotReady", "no")), COMMIT, ("progress", None)),
        (flux(("Ready", "False", "ArtifactFailed", "no artifact")), COMMIT, ("progress", None)),
        (
            flux(("Ready", "False", "ArtifactFailed", "kustomization path not found: x")),
            COMMIT,
            ("failed", "ArtifactFailed"),
        ),
        (flux(("Stalled", "True", "AccessDenied", "no")), COMMIT, ("failed", "AccessDenied")),
    ],
)
def test_a_kustomization(
    kustomization: dict[str, Any], fetched: str | None, expected: tuple[str, str | None]
) -> None:
    assert seen(applied_standing(kustomization, fetched)) == expected


@pytest.mark.parametrize(("healthy", "expected"), [("True", "synced"), ("Unknown", "progress")])
def test_where_it_waits_for_health_that_counts_too(healthy: str, expected: str) -> None:
    kustomization = flux(READY, ("Healthy", healthy, "x", "y"), **APPLIED)
    kustomization["spec"]["wait"] = True
    assert seen(applied_standing(kustomization, COMMIT))[0] == expected


def test_refused_credentials_are_told_from_other_failures() -> None:
    refused = "unable to list remote: authentication required: HTTP Basic: Access denied."
    assert is_refused(flux(("Ready", "False", "GitOperationFailed", refused)))
    assert is_refused(flux(("Ready", "False", "AuthenticationFailed", "no secret")))
    assert not is_refused(flux(("Ready", "False", "GitOperationFailed", "connection refused")))
    assert not is_refused(flux(READY))
