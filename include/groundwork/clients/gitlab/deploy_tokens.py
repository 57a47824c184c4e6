"""Deploy tokens: what Flux reads a repository with. Source: GitLab docs, "Deploy tokens API"."""

from __future__ import annotations

from datetime import date
from typing import Any

from groundwork.clients.gitlab.transport import translated
from groundwork.clients.gitlab.types import DeployToken
from groundwork.errors import NotFound


class DeployTokens:
    """Lists, makes and revokes the deploy tokens of projects."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def active(self, project_id: int, name: str | None = None) -> list[DeployToken]:
        """The project's active deploy tokens, all or of this name; GitLab does not keep names unique."""
        with translated(f"list deploy tokens of project {project_id}"):
            tokens = self._of(project_id).list(iterator=True, active=True, per_page=100)
            return [
                DeployToken(token.id, token.name, token.username, token.expires_at)
                for token in tokens
                if name in (None, token.name) and not token.revoked and not token.expired
            ]

    def create(self, project_id: int, name: str, expires_on: date) -> DeployToken:
        """A new deploy token that may read the repository and nothing else, until 00:00 UTC of that day."""
        values = {"name": name, "scopes": ["read_repository"], "expires_at": expires_on.isoformat()}
        with translated(f"create deploy token {name} of project {project_id}"):
            token = self._of(project_id).create(values)
        return DeployToken(token.id, token.name, token.username, token.expires_at, token.token)

    def revoke(self, project_id: int, token_id: int) -> None:
        """Revoke a deploy token; one that is gone already is fine."""
        try:
            with translated(f"revoke deploy token {token_id} of project {project_id}"):
                self._of(project_id).delete(token_id)
        except NotFound:
            return

    def _of(self, project_id: int) -> Any:
        return self._api.projects.get(project_id, lazy=True).deploytokens
