"""Every setting of the sandbox, read from the environment in this one place.

All are optional and start with `GROUNDWORK_`. The three external systems replace an embedded part: it is then
neither started nor stopped, only looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CLONE = Path(__file__).resolve().parents[2]
"""The clone this package lies in: its DAGs, plugins and migrations are what the sandbox's Airflow runs."""


_PREFIX = "GROUNDWORK_"
# What the sandbox itself tells Groundwork: its own addresses and the names of its own connections.
_TOLD = ("AIRFLOW_URL", "AIRFLOW_USER", "AIRFLOW_PASSWORD")
_TOLD_ENDING = "_CONNECTION"


def _product_settings() -> dict[str, str]:
    told = {f"{_PREFIX}{name}" for name in (*map(str.upper, Settings.model_fields), *_TOLD)}
    return {
        key: value
        for key, value in os.environ.items()
        if key.startswith(_PREFIX) and key not in told and not key.endswith(_TOLD_ENDING)
    }


class Settings(BaseSettings):
    """The sandbox's settings.

    Raises `pydantic.ValidationError` when an external GitLab is named without its token.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    sandbox_dir: Path = CLONE / ".sandbox"
    """State folder: data, logs, credentials and ports of one sandbox."""

    cache_dir: Path = user_cache_path("groundwork")
    """Where built programs and downloaded toolchains are kept, shared by all clones of a user."""

    scheduler_idle_sleep: float = Field(default=0.1, gt=0)
    """Seconds that Airflow's scheduler rests between two looks: most of what a run waits between its tasks.

    Airflow's own default of 1 s makes ten small tasks take 11 s instead of 2; resting less costs idle CPU.
    """

    gitlab_url: str | None = None
    gitlab_token: SecretStr | None = None
    """An existing GitLab to use instead of the embedded server, and a token with scope `api` for it."""

    kubeconfig: Path | None = None
    """Kubeconfig of an existing cluster that runs Flux, to use instead of the embedded control plane."""

    database_url: SecretStr | None = None
    """An existing PostgreSQL database for Groundwork's records; Airflow's own stays embedded."""

    @field_validator("sandbox_dir", "cache_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    product_settings: dict[str, str] = Field(default_factory=_product_settings)
    """Groundwork's own settings, passed on to its commands and to Airflow as they are.

    By default all `GROUNDWORK_*` variables that are not the sandbox's.
    """

    @model_validator(mode="after")
    def _gitlab_needs_both(self) -> Settings:
        if (self.gitlab_url is None) != (self.gitlab_token is None):
            raise ValueError("set GROUNDWORK_GITLAB_URL and GROUNDWORK_GITLAB_TOKEN together, or neither")
        return self
