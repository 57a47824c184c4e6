"""Which parts a sandbox is made of, and what they know about each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console

from sandbox.airflow.config import write_connections
from sandbox.airflow.part import Airflow
from sandbox.control_plane.external import ExternalCluster
from sandbox.control_plane.part import ControlPlane
from sandbox.errors import UnknownPart
from sandbox.gitlab_part import EmbeddedGitLab, ExternalGitLab
from sandbox.ports import Ports
from sandbox.postgres import Postgres
from sandbox.product import Product
from sandbox.program import Part
from sandbox.settings import Settings
from sandbox.state import State

_ENV_ORDER = (
    "GITLAB_URL",
    "GITLAB_TOKEN",
    "KUBECONFIG",
    "KUBECTL",
    "DATABASE_URL",
    "AIRFLOW_URL",
    "AIRFLOW_USER",
    "AIRFLOW_PASSWORD",
)


class Parts:
    """The parts of one sandbox, embedded or external as the settings say."""

    def __init__(
        self, state: State, ports: Ports, settings: Settings, environment: Mapping[str, str], console: Console
    ) -> None:
        self.postgres = Postgres(state, ports, settings)
        self.control_plane = _control_plane(state, ports, settings, console)
        self.gitlab = _gitlab(state, ports, settings)
        kubectl = self.control_plane.env()["KUBECTL"]
        environment = {**environment, **settings.product_settings, "GROUNDWORK_KUBECTL": kubectl}
        self.airflow = Airflow(state, ports, settings, self.postgres, environment, self._write_connections)
        self.product = Product(environment, self._product_settings)
        self._all: tuple[Part, ...] = (
            self.postgres,
            self.control_plane,
            self.gitlab,
            self.airflow,
            self.product,
        )

    def __iter__(self) -> Iterator[Part]:
        return iter(self._all)

    def select(self, names: Iterable[str] | None) -> list[Part]:
        """The parts of these names, all of them for None; raises `UnknownPart`."""
        if names is None:
            return list(self._all)
        known = {part.name: part for part in self._all}
        wanted = list(names)
        if unknown := [name for name in wanted if name not in known]:
            raise UnknownPart(f"no part called {', '.join(unknown)}; there are {', '.join(known)}")
        return [known[name] for name in wanted]

    def env(self) -> dict[str, str]:
        """What the state folder's `env` file holds."""
        values: dict[str, str] = {}
        for part in self._all:
            values |= part.env()
        return {key: values[key] for key in _ENV_ORDER}

    def _product_settings(self) -> dict[str, str]:
        """Groundwork's settings as environment variables, with the product's own rights in the cluster."""
        names = {key: f"GROUNDWORK_{key}" for key in _ENV_ORDER}
        values = self.env() | {"KUBECONFIG": str(self.control_plane.product_kubeconfig)}
        return {names[key]: value for key, value in values.items()}

    def _write_connections(self) -> None:
        write_connections(
            self.airflow.home,
            gitlab_url=self.gitlab.url,
            gitlab_token=self.gitlab.token,
            database_url=self.postgres.groundwork_url,
            kubeconfig=self.control_plane.product_kubeconfig,
        )


def _control_plane(
    state: State, ports: Ports, settings: Settings, console: Console
) -> ControlPlane | ExternalCluster:
    if settings.kubeconfig is None:
        return ControlPlane(state, ports, settings, console)
    return ExternalCluster(settings.kubeconfig)


def _gitlab(state: State, ports: Ports, settings: Settings) -> EmbeddedGitLab | ExternalGitLab:
    if settings.gitlab_url is None or settings.gitlab_token is None:
        return EmbeddedGitLab(state, ports)
    return ExternalGitLab(settings.gitlab_url, settings.gitlab_token.get_secret_value())
