"""Every setting of the GitLab server. The only module that reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

#: The release whose behaviour is followed; answered by `/version`.
VERSION = "18.5.0"
REVISION = "sandbox"


class ServerSettings(BaseSettings):
    """Where the server keeps its state and how it presents itself.

    Command line options give the fields; `GITLAB_ADMIN_TOKEN` (never an option, because process
    arguments are world-readable) gives the first administrator's token.
    """

    model_config = SettingsConfigDict(env_prefix="GITLAB_", env_ignore_empty=True, extra="ignore")

    state_dir: Path = Field(description="Folder of the database, repositories and hooks.")
    external_url: str = Field(description="Base of every URL in answers, without a trailing slash.")
    admin_token: SecretStr | None = Field(default=None, description="Token of `root`, set on first start.")
    default_branch: str = Field(default="main", description="Initial branch of a new repository.")
    hook_timeout: float = Field(default=10, description="Seconds a webhook receiver has to answer.")

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.state_dir / "gitlab.sqlite3"

    @property
    def admin_token_path(self) -> Path:
        """Where a generated administrator token is left, mode 0600."""
        return self.state_dir / "admin-token"
