"""Access tokens: making, finding, rotating, ending them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from sandbox.gitlab.errors import BadRequest
from sandbox.gitlab.rules.access import TOKEN_SCOPES
from sandbox.gitlab.services import secrets
from sandbox.gitlab.store.base import now, today
from sandbox.gitlab.store.tables import AccessToken, DeployToken

#: The longest life of an access token, days.
LONGEST_LIFE = 365
_ROTATED_LIFE = 7


def find(db: Session, secret: str) -> AccessToken | None:
    """The access token with that secret."""
    return db.execute(
        select(AccessToken).where(AccessToken.digest == secrets.digest(secret))
    ).scalar_one_or_none()


def find_deploy_token(db: Session, username: str, secret: str) -> DeployToken | None:
    """The usable deploy token with that user name and secret."""
    query = select(DeployToken).where(DeployToken.digest == secrets.digest(secret))
    token = db.execute(query).scalar_one_or_none()
    if token is None or token.revoked or token.username != username:
        return None
    return None if token.expires_at is not None and token.expires_at <= now() else token


def expired(expires_at: date | None) -> bool:
    """Whether a token has reached the first moment (UTC) of its last day."""
    return expires_at is not None and expires_at <= today()


def create(
    db: Session,
    *,
    user_id: int,
    name: str,
    scopes: list[str],
    expires_at: date | None,
    description: str | None = None,
    source: tuple[str, int] | None = None,
    secret: str | None = None,
    previous_id: int | None = None,
) -> tuple[AccessToken, str]:
    """Make an access token; returns it and the secret, which is not kept."""
    check(scopes, expires_at)
    plain = secret or secrets.new_secret(secrets.PERSONAL)
    token = AccessToken(
        user_id=user_id,
        source_type=source[0] if source else None,
        source_id=source[1] if source else None,
        name=name,
        description=description,
        scopes=scopes,
        digest=secrets.digest(plain),
        expires_at=expires_at,
        previous_id=previous_id,
    )
    db.add(token)
    db.flush()
    db.refresh(token)
    return token, plain


def rotate(db: Session, token: AccessToken, expires_at: date | None) -> tuple[AccessToken, str]:
    """Revoke a token and make its successor at once."""
    if token.revoked or expired(token.expires_at):
        raise BadRequest("token already revoked" if token.revoked else "token already expired")
    token.revoked = True
    source = (token.source_type, token.source_id) if token.source_type and token.source_id else None
    return create(
        db,
        user_id=token.user_id,
        name=token.name,
        scopes=token.scopes,
        expires_at=expires_at or today() + timedelta(days=_ROTATED_LIFE),
        description=token.description,
        source=source,
        previous_id=token.id,
    )


def check(scopes: list[str], expires_at: date | None) -> None:
    """Refuse scopes GitLab does not have and expiry dates it does not take."""
    unknown = [scope for scope in scopes if scope not in TOKEN_SCOPES]
    if unknown:
        raise BadRequest("Scopes can only contain available scopes")
    if not scopes:
        raise BadRequest("Scopes can't be blank")
    if expires_at is None:
        return
    if expires_at <= today():
        raise BadRequest("Expiration date must be in the future")
    if expires_at > today() + timedelta(days=LONGEST_LIFE):
        raise BadRequest(f"Expiration date must be before {today() + timedelta(days=LONGEST_LIFE + 1)}")
