"""What is applied to a cluster for one environment, computed without a cluster."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from groundwork.clients.gitlab import DeployToken, GitLabProject
from groundwork.errors import Misconfigured, Rejected
from groundwork.model.entities import Policy
from groundwork.resources import credentials, git_repository, guardrails, kustomization, namespace, ownership
from groundwork.resources.ownership import Claim
from groundwork.resources.target import Pace, Target
from tests.unit.shop import ENVIRONMENT, ID, IN_GITLAB, OTHER, PROJECT, REPOSITORY

URL = "http://gitlab.test/platform/shop.git"


def target(*, http_url: str | None = URL, quota: dict[str, str] | None = None) -> Target:
    environment = replace(ENVIRONMENT.environment, policy=Policy(quota=quota or {}))
    return Target(
        project=PROJECT,
        repository=replace(REPOSITORY, http_url=http_url, default_branch="trunk"),
        environment=replace(ENVIRONMENT, environment=environment),
        pace=Pace(600, 60, 30),
    )


def test_everything_carries_the_projects_labels_and_namespace() -> None:
    token = DeployToken(1, "name", "user", secret="secret")
    manifests = [
        *guardrails.desired(target()),
        credentials.desired(target(), token),
        git_repository.desired(target(), "now"),
        kustomization.desired(target(), "now"),
    ]
    for manifest in manifests:
        assert manifest["metadata"]["namespace"] == "project-shop-dev"
        assert manifest["metadata"]["labels"] == target().labels
    assert target().labels["groundwork.dev/project-id"] == str(ID)


def test_namespace_enforces_pod_security() -> None:
    labels = namespace.desired(target())["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert target().labels.items() <= labels.items()


def test_git_repository_follows_the_default_branch_with_its_own_secret() -> None:
    spec = git_repository.desired(target(), "now")["spec"]
    assert (spec["url"], spec["ref"], spec["secretRef"]) == (
        URL,
        {"branch": "trunk"},
        {"name": credentials.SECRET},
    )


def test_git_repository_needs_a_repository() -> None:
    with pytest.raises(Misconfigured, match="create_repository"):
        git_repository.desired(target(http_url=None), "now")


def test_kustomization_applies_the_overlay_as_the_namespaces_own_account() -> None:
    manifest = kustomization.desired(target(), "now")
    assert (
        manifest["spec"]
        | {
            "path": "./deploy/overlays/dev",
            "serviceAccountName": guardrails.SERVICE_ACCOUNT,
            "targetNamespace": "project-shop-dev",
            "prune": True,
            "wait": True,
            "suspend": False,
            "interval": "600s",
            "retryInterval": "60s",
            "timeout": "30s",
        }
        == manifest["spec"]
    )
    assert manifest["metadata"]["annotations"] == {"reconcile.fluxcd.io/requestedAt": "now"}


def test_parking_suspends_and_says_why_and_nothing_else_changes() -> None:
    parked, desired = (
        kustomization.parked(target(), "now", "BuildFailed"),
        kustomization.desired(target(), "now"),
    )
    assert parked["spec"] == {**desired["spec"], "suspend": True}
    assert parked["metadata"]["annotations"][kustomization.PARKED_ANNOTATION] == "BuildFailed"


def test_the_account_may_edit_its_namespace_alone() -> None:
    account, binding = guardrails.desired(target())[:2]
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "edit",
    }
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "project-shop-dev"}
    ]


def test_the_network_is_closed_and_the_quota_follows_the_policy() -> None:
    quota, _, network = guardrails.desired(target(quota={"pods": "5"}))[2:]
    assert network["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert quota["spec"]["hard"]["pods"] == "5"
    assert "requests.cpu" in quota["spec"]["hard"]


def test_the_secret_says_which_token_it_holds() -> None:
    secret = credentials.desired(
        target(),
        DeployToken(42, "name", "gitlab+deploy-token-42", "2027-01-31T00:00:00.000Z", secret="gldt-secret"),
    )
    assert secret["metadata"]["annotations"] == {
        credentials.TOKEN_ID_ANNOTATION: "42",
        credentials.TOKEN_END_ANNOTATION: "2027-01-31",
    }
    assert secret["stringData"] == {"username": "gitlab+deploy-token-42", "password": "gldt-secret"}


def test_a_token_without_its_secret_is_refused() -> None:
    with pytest.raises(Rejected, match="42"):
        credentials.desired(target(), DeployToken(42, "name", "user"))


def stored(project_id: UUID | None, *, deleting: bool = False) -> dict[str, object]:
    labels = {ownership.PROJECT_ID_LABEL: str(project_id)} if project_id else None
    metadata = {"name": "x", "labels": labels, **({"deletionTimestamp": "2026-01-01"} if deleting else {})}
    return {"kind": "Namespace", "metadata": metadata}


@pytest.mark.parametrize(
    ("existing", "claim"),
    [
        (None, Claim.ABSENT),
        (stored(ID), Claim.OURS),
        (stored(OTHER), Claim.FOREIGN),
        (stored(None), Claim.FOREIGN),
        (stored(ID, deleting=True), Claim.DOOMED),
        (stored(OTHER, deleting=True), Claim.FOREIGN),
    ],
)
def test_claim_on_object(existing: dict[str, object] | None, claim: Claim) -> None:
    assert ownership.claim_on_object(existing, ID) is claim


@pytest.mark.parametrize(
    ("existing", "claim"),
    [
        (None, Claim.ABSENT),
        (replace(IN_GITLAB, topics=ownership.topics(ID)), Claim.OURS),
        (replace(IN_GITLAB, topics=(*ownership.topics(ID), "python")), Claim.OURS),
        (replace(IN_GITLAB, topics=ownership.topics(OTHER)), Claim.FOREIGN),
        (replace(IN_GITLAB, topics=(ownership.TOPIC,)), Claim.FOREIGN),
        (replace(IN_GITLAB, topics=()), Claim.FOREIGN),
        (replace(IN_GITLAB, topics=ownership.topics(ID), deletion_date="2026-12-01"), Claim.DOOMED),
    ],
)
def test_claim_on_repository(existing: GitLabProject | None, claim: Claim) -> None:
    assert ownership.claim_on_repository(existing, ID) is claim
