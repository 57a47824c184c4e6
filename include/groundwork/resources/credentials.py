"""The credentials Flux reads the repository with: a deploy token in GitLab, its secret in the namespace.

GitLab shows a token's secret once and does not keep names unique, so the Secret says which token it holds,
and until when that is good. If it is not active any more, or the Secret is gone, a new token takes its place
and the old ones of this name are revoked: there are never two live ones for longer than the swap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from groundwork.clients.gitlab import DeployToken, GitLab
from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import NotFound, PermanentError, Rejected
from groundwork.model.changes import Action, Change, Difference
from groundwork.resources import applied
from groundwork.resources.applied import Creating, apply_one, remove_one
from groundwork.resources.target import Target

SECRET = "groundwork-git"  # noqa: S105 - the name of the Secret, not its content
TOKEN_ID_ANNOTATION = "groundwork.dev/deploy-token-id"  # noqa: S105
TOKEN_END_ANNOTATION = "groundwork.dev/deploy-token-expires-on"  # noqa: S105


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
    secret = reference(target)
    secret["stringData"] = {"username": token.username, "password": token.secret}
    secret["metadata"]["annotations"] = {
        TOKEN_ID_ANNOTATION: str(token.id),
        TOKEN_END_ANNOTATION: (token.expires_at or "")[: len("2026-11-24")],
    }
    return secret


def reference(target: Target) -> Manifest:
    """The Secret without what it holds: enough to read and to compare it."""
    return target.manifest("v1", "Secret", SECRET, type="Opaque")


def held_token(secret: Manifest | None, active: Sequence[DeployToken]) -> DeployToken | None:
    """The active token whose secret is in place, if there is one. Pure."""
    annotations = (secret or {}).get("metadata", {}).get("annotations") or {}
    held = annotations.get(TOKEN_ID_ANNOTATION)
    return next((token for token in active if str(token.id) == held), None)


def change(target: Target, secret: Manifest | None, active: Sequence[DeployToken], scope: str) -> Change:
    """What is to be done so that the Secret holds an active token. Pure."""
    planned = applied.change(reference(target), secret, target.project.id, scope)
    if planned.action not in (Action.NONE, Action.CHANGE) or held_token(secret, active):
        return planned
    lost = Difference("deploy token", "none that is active", "a new one")
    return replace(planned, action=Action.CHANGE, differences=(*planned.differences, lost))


def ends_by(secret: Manifest, day: date) -> bool:
    """Whether the token that a Secret holds ends on that day or before, or does not say when. Pure."""
    end = (secret["metadata"].get("annotations") or {}).get(TOKEN_END_ANNOTATION)
    return not end or date.fromisoformat(end) <= day


def expiry(days: int) -> date:
    """The day at whose beginning (UTC) a token ends that is made now and good for so many days."""
    return datetime.now(UTC).date() + timedelta(days=days)


def apply(
    gitlab: GitLab,
    cluster: Cluster,
    target: Target,
    gitlab_id: int,
    expires_on: date,
    creating: Creating,
) -> AppliedCredentials:
    """Make sure exactly one working deploy token is in place; a new one is good until `expires_on`.

    `creating` is told before the Secret is made. Raises as `applied.apply_one`.
    """
    active = gitlab.deploy_tokens.active(gitlab_id, token_name(target))
    held = held_token(cluster.get(reference(target)), active)
    if held is not None:
        _revoke(gitlab, gitlab_id, [token for token in active if token.id != held.id])
        return AppliedCredentials(held.id, created=False)
    token = put_new(gitlab, cluster, target, gitlab_id, expires_on, creating)
    _revoke(gitlab, gitlab_id, active)
    return AppliedCredentials(token.id, created=True)


def put_new(
    gitlab: GitLab,
    cluster: Cluster,
    target: Target,
    gitlab_id: int,
    expires_on: date,
    creating: Creating,
) -> DeployToken:
    """Put a new token into place, and leave those before it active. Raises as `apply`."""
    token = gitlab.deploy_tokens.create(gitlab_id, token_name(target), expires_on)
    try:
        apply_one(cluster, desired(target, token), target.project.id, creating)
    except PermanentError:
        _revoke(gitlab, gitlab_id, [token])
        raise
    return token


def revoke_others(gitlab: GitLab, target: Target, gitlab_id: int, kept: DeployToken) -> list[int]:
    """Revoke all of the environment's tokens but one; answers their ids."""
    active = gitlab.deploy_tokens.active(gitlab_id, token_name(target))
    others = [token for token in active if token.id != kept.id]
    _revoke(gitlab, gitlab_id, others)
    return [token.id for token in others]


def remove(gitlab: GitLab, cluster: Cluster, target: Target, gitlab_id: int | None) -> None:
    """Remove the Secret and revoke the environment's tokens. Raises as `applied.remove_one`."""
    remove_one(cluster, reference(target), target.project.id)
    revoke_all(gitlab, target, gitlab_id)


def revoke_all(gitlab: GitLab, target: Target, gitlab_id: int | None) -> None:
    """Revoke the environment's tokens; with the repository they are gone too."""
    if gitlab_id is None:
        return
    try:
        active = gitlab.deploy_tokens.active(gitlab_id, token_name(target))
    except NotFound:
        return
    _revoke(gitlab, gitlab_id, active)


def _revoke(gitlab: GitLab, gitlab_id: int, tokens: list[DeployToken]) -> None:
    for token in tokens:
        gitlab.deploy_tokens.revoke(gitlab_id, token.id)
