"""The way in to GitLab: one object as the owner of one token, its parts by subject."""

from __future__ import annotations

from groundwork.clients.gitlab.deploy_tokens import DeployTokens
from groundwork.clients.gitlab.groups import Groups
from groundwork.clients.gitlab.projects import Projects
from groundwork.clients.gitlab.protected_branches import ProtectedBranches
from groundwork.clients.gitlab.repositories import Repositories
from groundwork.clients.gitlab.transport import connection, translated
from groundwork.clients.gitlab.types import RateLimit


class GitLab:
    """One GitLab server, as the owner of one token. `timeout` is seconds per answer.

    Every call of every part raises `NotAllowed`, `QuotaExceeded` and `Unavailable` beside what it says.
    """

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._api = connection(self.url, token, timeout)
        self.groups = Groups(self._api)
        self.projects = Projects(self._api)
        self.repositories = Repositories(self._api)
        self.deploy_tokens = DeployTokens(self._api)
        self.protected_branches = ProtectedBranches(self._api)

    @property
    def token(self) -> str:
        """The secret itself, for git over HTTP. Never log or store it."""
        return self._token

    def token_scopes(self) -> frozenset[str]:
        """The scopes of the token in use. Raises `NotAllowed` when it is not valid."""
        with translated("look at its own token"):
            token = self._api.personal_access_tokens.get("self")
        return frozenset(token.scopes)

    def rate_limit(self) -> RateLimit | None:
        """How much of the rate limit is left, or None where GitLab sets none. Costs one request."""
        with translated("read GitLab's version"):
            answer = self._api.http_request("get", "/version")
        limit, remaining = (answer.headers.get(f"RateLimit-{name}", "") for name in ("Limit", "Remaining"))
        return RateLimit(int(limit), int(remaining)) if limit.isdigit() and remaining.isdigit() else None
