"""Secrets: how they look, and the digest that is kept of them."""

from __future__ import annotations

import hashlib
import secrets
import string

PERSONAL = "glpat-"
DEPLOY = "gldt-"
_ALPHABET = string.ascii_letters + string.digits


def new_secret(prefix: str) -> str:
    """A fresh secret in GitLab's form: a prefix that tells its kind, then random text."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(20 if prefix == DEPLOY else 27))


def digest(secret: str) -> str:
    """The SHA-256 by which a secret is looked up; the secret itself is never kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
