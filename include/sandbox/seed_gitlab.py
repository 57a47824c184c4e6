"""Gives a fresh GitLab server what Groundwork works with: a group, a bot account that owns it, its token.

Works through GitLab's API alone, looks before it creates, and changes nothing when all is there.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from gitlab import Gitlab
from gitlab.const import AccessLevel
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabGetError
from requests import RequestException

GROUP_PATH = "platform"
BOT = "groundwork"

_SCOPES = ["api", "read_repository", "write_repository", "self_rotate"]
_TOKEN_LIFE = timedelta(days=364)  # GitLab refuses more than a year
_NOT_FOUND = 404


def seed(url: str, admin_token: str, known_token: str | None) -> str:
    """Makes the group and the bot exist and returns a token of the bot: `known_token` while it is good."""
    server = Gitlab(url, private_token=admin_token)
    group = _group(server)
    bot = _bot(server)
    _own(group, bot.id)
    if known_token and check_token(url, known_token) is None:
        return known_token
    expiry = (datetime.now(UTC) + _TOKEN_LIFE).date().isoformat()
    made = bot.personal_access_tokens.create({"name": "groundwork", "scopes": _SCOPES, "expires_at": expiry})
    return str(made.token)


def check_token(url: str, token: str) -> str | None:
    """Why a token cannot be used with the GitLab at `url`; None when it can."""
    try:
        Gitlab(url, private_token=token).auth()
    except GitlabAuthenticationError:
        return f"{url} does not accept the token"
    except (GitlabError, RequestException) as error:
        return f"{url} does not answer as GitLab does: {error}"
    return None


def _group(server: Gitlab) -> Any:
    try:
        return server.groups.get(GROUP_PATH)
    except GitlabGetError as error:
        if error.response_code != _NOT_FOUND:
            raise
    return server.groups.create({"name": GROUP_PATH.title(), "path": GROUP_PATH})


def _bot(server: Gitlab) -> Any:
    found = server.users.list(username=BOT, get_all=True)
    if found:
        return found[0]
    return server.users.create(
        {
            "username": BOT,
            "name": BOT.title(),
            "email": f"{BOT}@example.com",
            "password": secrets.token_urlsafe(24),
            "skip_confirmation": True,
        }
    )


def _own(group: Any, user_id: int) -> None:
    try:
        member = group.members.get(user_id)
    except GitlabGetError as error:
        if error.response_code != _NOT_FOUND:
            raise
        group.members.create({"user_id": user_id, "access_level": AccessLevel.OWNER})
        return
    if member.access_level != AccessLevel.OWNER:
        member.access_level = AccessLevel.OWNER
        member.save()
