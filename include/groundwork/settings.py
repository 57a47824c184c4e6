"""Every setting of Groundwork, in one place, read from `GROUNDWORK_*` environment variables.

Inside Airflow the addresses and secrets come from Airflow connections, whose ids are settings here; the
command line, which runs without Airflow's secrets, reads the addresses themselves, from the environment or
from an env file such as the sandbox writes (`AIRFLOW_URL=...`, without the prefix). The environment wins.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

_REPAIRING = 2 * 3600.0


class Settings(BaseSettings):
    """All settings, with unit and default. Times are seconds."""

    model_config = SettingsConfigDict(env_prefix="GROUNDWORK_", extra="ignore")

    gitlab_connection: str = Field(
        default="groundwork_gitlab",
        description="Airflow connection of GitLab: host is the URL, password the token.",
    )
    database_connection: str = Field(
        default="groundwork_database", description="Airflow connection of Groundwork's own Postgres database."
    )
    cluster_connection: str = Field(
        default="groundwork_cluster",
        description="Airflow connection of the cluster that seeded environments use.",
    )

    kubectl: str = Field(
        default="kubectl",
        description="The kubectl that builds a template's overlays before anything is made; found on PATH.",
    )

    gitlab_url: str | None = Field(default=None, description="GitLab's URL, for the command line.")
    gitlab_token: SecretStr | None = Field(
        default=None, description="A token for GitLab, for the command line."
    )
    kubeconfig: Path | None = Field(
        default=None,
        description="Kubeconfig for the command line: a cluster connection's id names a context in it, or"
        " else its current context is used.",
    )
    database_url: SecretStr | None = Field(default=None, description="Postgres URL for the command line.")
    airflow_url: str | None = Field(default=None, description="Base URL of Airflow, for the command line.")
    airflow_user: str | None = Field(default=None, description="Airflow user name, for the command line.")
    airflow_password: SecretStr | None = Field(
        default=None, description="Airflow password, for the command line."
    )

    failure_notifier: str | None = Field(
        default=None,
        description="Dotted path of a function or Airflow notifier that is called with the context of a run"
        " that failed, or that has not ended by `run_deadline`.",
    )
    run_deadline: float = Field(
        default=3600,
        gt=0,
        description="How long a run that makes, extends or removes a project may take before"
        " `failure_notifier` is told of it; the run goes on.",
    )

    sandbox_dir: Path = Field(
        default=Path(".sandbox"),
        description="State folder of the sandbox; the command line reads the file `env` in it, if there.",
    )

    namespace_prefix: str = Field(
        default="project", description="Namespaces are called `<prefix>-<slug>-<environment>`."
    )
    catalog_paths: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders with templates of your own, beside the built-in ones: separated as in PATH, or a"
        " JSON list.",
    )
    http_timeout: float = Field(
        default=30, description="Longest wait for one answer of GitLab, Airflow or a cluster."
    )
    git_timeout: float = Field(default=300, description="Longest wait for one git command.")
    lease_seconds: float = Field(
        default=900, description="A lease not renewed for this long is free to be taken over."
    )
    sync_deadline: float = Field(
        default=900, description="How long an environment may take to become synced, unless its policy says."
    )
    sync_first_look: float = Field(
        default=4,
        ge=0,
        le=60,
        description="How long a wait looks from its worker before it defers to the triggerer and leaves the"
        " worker free. Deferring itself takes about three seconds, and most projects are synced sooner.",
    )
    sync_max_apply_attempts: int = Field(
        default=2,
        description="Failed attempts of Flux to apply a commit before the environment has failed; the first"
        " may only have met rights or types that were just being made.",
    )
    sync_max_health_attempts: int = Field(
        default=3,
        description="Failed health checks of one commit before the environment has failed; together with"
        " `flux_timeout` and `flux_retry_interval` this is the time a workload has to become healthy.",
    )
    flux_interval: float = Field(
        default=600, description="How often Flux looks at a project without being asked."
    )
    flux_retry_interval: float = Field(
        default=60,
        description="Flux's pause after a failure; well above `flux_timeout`, so that a failing project"
        " leaves the controller free.",
    )
    flux_timeout: float = Field(
        default=30,
        ge=30,
        description="How long Flux waits for a project's health, at least 30; a slot of its controller is"
        " held that long.",
    )

    reconcile_interval: float = Field(
        default=300, ge=60, description="How often `reconcile_projects` looks at all projects."
    )
    reconcile_policy: dict[str, Literal["report", "heal"]] = Field(
        default_factory=dict,
        description="What is done about a class of findings, `report` or `heal`, where that is not the"
        " default: a JSON object.",
    )
    reconcile_max_repairs: int = Field(
        default=20,
        ge=0,
        description="A pass that would repair more projects than this asks for approval first.",
    )
    reconcile_max_repair_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="So does one that would repair more than this share of all projects, from six on.",
    )
    reconcile_approval_timeout: float = Field(
        default=3600,
        gt=0,
        description="How long a pass waits for approval; without an answer it repairs nothing.",
    )
    reconcile_looks: int = Field(
        default=10,
        ge=1,
        description="Projects that one pass looks into for what cannot be listed: branch protection and"
        " deploy tokens. All have their turn.",
    )
    reconcile_history: float = Field(
        default=30 * 86400, description="How long reconcile passes and what they found are kept."
    )
    removal_deadline: float = Field(
        default=900,
        description="How long one step of a decommission waits for what it removes to be gone.",
    )
    backup_location: str | None = Field(
        default=None,
        description="Where decommissioned projects are backed up to: a folder that every worker reaches, or a"
        " URL such as `s3://bucket/prefix`, without credentials.",
    )
    deploy_token_days: int = Field(
        default=365, ge=2, description="Days that an environment's deploy token is good for."
    )
    deploy_token_renewal_days: int = Field(
        default=30, ge=1, description="Days before its end from which a deploy token is rotated."
    )

    @property
    def reconcile_pass_timeout(self) -> float:
        """Longest time that a reconcile pass may take: to wait for approval, and then to repair."""
        return self.reconcile_approval_timeout + _REPAIRING

    @field_validator("catalog_paths", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [path for path in value.split(os.pathsep) if path]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of the sources, best first; keys in an env file have no prefix."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, DotEnvSettingsSource(settings_cls, env_prefix="")


@cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()


def use_env_file(path: Path) -> None:
    """Let this process's settings also come from `path`; a file that is not there holds nothing."""
    Settings.model_config["env_file"] = path
    get_settings.cache_clear()


def env_file() -> Path:
    """The file last given to `use_env_file`, or else the sandbox's."""
    given = Settings.model_config.get("env_file")
    return given if isinstance(given, Path) else get_settings().sandbox_dir.expanduser() / "env"
