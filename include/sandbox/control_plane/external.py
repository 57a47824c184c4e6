"""An existing cluster in place of the embedded control plane: looked at, never started or changed."""

from __future__ import annotations

from pathlib import Path

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from sandbox.errors import ExternalSystemUnreachable
from sandbox.program import External, ExternalPart, Task

_FLUX_GROUPS = {"source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"}


class ExternalCluster(ExternalPart):
    """The cluster that `GROUNDWORK_KUBECONFIG` points at."""

    name = "control-plane"

    def __init__(self, kubeconfig: Path) -> None:
        self.product_kubeconfig = kubeconfig.expanduser().resolve()

    def tasks(self) -> list[Task]:
        return [Task("external-cluster", self._check)]

    def env(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.product_kubeconfig), "KUBECTL": "kubectl"}

    def external(self) -> External:
        return External(str(self.product_kubeconfig), self._check)

    def _check(self) -> None:
        """Raises `ExternalSystemUnreachable` unless the cluster answers and knows Flux's kinds."""
        try:
            api = config.new_client_from_config(str(self.product_kubeconfig))
            groups = {group.name for group in client.ApisApi(api).get_api_versions().groups}
        except (config.ConfigException, client.ApiException, HTTPError, OSError) as error:
            raise ExternalSystemUnreachable(f"GROUNDWORK_KUBECONFIG: {error}") from error
        if missing := _FLUX_GROUPS - groups:
            raise ExternalSystemUnreachable(
                f"GROUNDWORK_KUBECONFIG: the cluster lacks {', '.join(sorted(missing))}; install Flux in it"
            )
