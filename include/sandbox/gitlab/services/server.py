"""The running server's parts in one place, and the unit of work that every request is.

`Server` lives as long as the process. A `Unit` is one request's transaction together with who
called; effects that must wait for the commit (webhooks, files to remove) are put in `after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from sandbox.gitlab.errors import Forbidden, Unauthorized
from sandbox.gitlab.faults.engine import FaultEngine
from sandbox.gitlab.faults.journal import Journal
from sandbox.gitlab.repos.pushes import PushFolders
from sandbox.gitlab.repos.storage import RepositoryStorage
from sandbox.gitlab.services.limits import Limits
from sandbox.gitlab.settings import ServerSettings
from sandbox.gitlab.store.database import Database
from sandbox.gitlab.store.tables import AccessToken, DeployToken, User
from sandbox.gitlab.webhooks.delivery import Deliveries


@dataclass
class Server:
    """Everything that lives as long as the process."""

    settings: ServerSettings
    database: Database
    storage: RepositoryStorage
    pushes: PushFolders
    deliveries: Deliveries
    lock: int
    limits: Limits = field(default_factory=Limits)
    faults: FaultEngine = field(default_factory=FaultEngine)
    journal: Journal = field(default_factory=Journal)
    last_used: dict[int, datetime] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Base of all addresses in answers."""
        return self.settings.external_url.rstrip("/")

    @property
    def api_url(self) -> str:
        """Base of API addresses."""
        return f"{self.url}/api/v4"


@dataclass(frozen=True)
class Caller:
    """Who sent the request: a user by access token, a deploy token, or nobody."""

    user: User | None = None
    token: AccessToken | None = None
    deploy_token: DeployToken | None = None
    scopes: frozenset[str] = frozenset()

    @property
    def anonymous(self) -> bool:
        """Whether nobody signed in."""
        return self.user is None and self.deploy_token is None

    @property
    def label(self) -> str:
        """A name for the journal; never a secret."""
        if self.user is not None:
            return self.user.username
        return f"deploy-token-{self.deploy_token.id}" if self.deploy_token else "anonymous"


@dataclass
class Unit:
    """One request's session and caller."""

    db: Session
    server: Server
    caller: Caller
    after_commit: list[Callable[[], object]] = field(default_factory=list)

    @property
    def user(self) -> User:
        """The calling user; raises `Unauthorized` for anonymous callers."""
        if self.caller.user is None:
            raise Unauthorized
        return self.caller.user

    @property
    def admin(self) -> bool:
        """Whether an administrator calls."""
        return self.caller.user is not None and self.caller.user.admin

    def require_admin(self) -> None:
        """Refuse everyone but administrators."""
        if not self.user.admin:
            raise Forbidden
