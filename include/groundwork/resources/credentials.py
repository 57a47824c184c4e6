"""The credentials Flux reads the repository with: a deploy token in GitLab, its secret in the namespace.

GitLab shows a token's secret once and does not keep names unique, so the Secret says which token it holds.
If that token is not active any more, or the Secret is gone, a new token takes its place and the old ones of
this name are revoked: there are never two live ones for longer than the swap.
"""

from __future__ import annotations

from dataclasses import dataclass

from groundwork.clients.gitlab import DeployToken, GitLab
from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import Rejected
from groundwork.resources.applied import apply_one
from groundwork.resources.target import Target

SECRET = "groundwork-git"  # noqa: S105 - the name of the Secret, not its content
TOKEN_ID_ANNOTATION = "groundwork.dev/deploy-token-id"  # noqa: S105


@dataclass(frozen=True)
class AppliedCredentials:
    """`token_id` is GitLab's id of the deploy token in place."""

    token_id: int
    created: bool


def token_name(target: Target) -> str:
    """Names the environment and the project's id, so that no person's token is taken for ours."""
    return f"groundwork-{target.environment.environment.slug}-{target.project.id}"


def desired(target: Target, token: DeployToken) -> Manifest:
    """The Secret in the form a GitRepository's `secretRef` wants (Flux docs, "Secret reference")."""
    if token.secret is None:
        raise Rejected(f"GitLab created deploy token {token.id} but did not show its secret.")
    secret = target.manifest(
        "v1",
        "Secret",
        SECRET,
        type="Opaque",
        stringData={"username": token.username, "password": token.secret},
    )
    secret["metadata"]["annotations"] = {TOKEN_ID_ANNOTATION: str(token.id)}
    return secret


def apply(gitlab: GitLab, cluster: Cluster, target: Target, gitlab_id: int) -> AppliedCredentials:
    """Make sure exactly one working deploy token is in place."""
    active = gitlab.deploy_tokens(gitlab_id, token_name(target))
    held = _held_token_id(cluster.get(target.manifest("v1", "Secret", SECRET)))
    if held in {token.id for token in active}:
        _revoke(gitlab, gitlab_id, [token for token in active if token.id != held])
        return AppliedCredentials(held, created=False)
    token = gitlab.create_deploy_token(gitlab_id, token_name(target))
    apply_one(cluster, desired(target, token), target.project.id)
    _revoke(gitlab, gitlab_id, active)
    return AppliedCredentials(token.id, created=True)


def _held_token_id(secret: Manifest | None) -> int:
    annotations = (secret or {}).get("metadata", {}).get("annotations") or {}
    held = annotations.get(TOKEN_ID_ANNOTATION, "")
    return int(held) if held.isdigit() else 0


def _revoke(gitlab: GitLab, gitlab_id: int, tokens: list[DeployToken]) -> None:
    for token in tokens:
        gitlab.revoke_deploy_token(gitlab_id, token.id)
