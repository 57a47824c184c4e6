"""Who a secret belongs to."""

from __future__ import annotations

import base64

from sqlalchemy.orm import Session

from sandbox.gitlab.errors import TokenUnusable, Unauthorized
from sandbox.gitlab.services import tokens
from sandbox.gitlab.services.server import Caller


def authenticate(db: Session, secret: str | None) -> Caller:
    """Who a secret belongs to. None is nobody; unknown, expired and revoked ones raise."""
    if secret is None:
        return Caller()
    token = tokens.find(db, secret)
    if token is None:
        raise Unauthorized
    if token.revoked:
        raise TokenUnusable("Token was revoked. You have to re-authorize from the user.")
    if tokens.expired(token.expires_at):
        raise TokenUnusable("Token is expired. You can either do re-authorization or token refresh.")
    if token.user.state != "active":
        raise Unauthorized
    return Caller(user=token.user, token=token, scopes=frozenset(token.scopes))


def basic_credentials(header: str) -> tuple[str, str] | None:
    """User name and password of a basic `Authorization` header."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return None
    return user, password
