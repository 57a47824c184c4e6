"""The control plane as a part of the sandbox: which programs run, and with which rights."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from sandbox.control_plane.build import Artefact, artefact, ensure_built
from sandbox.control_plane.pki import Authority
from sandbox.errors import ProgramFailed, Unhealthy
from sandbox.health import Probe, http_probe, wait_until
from sandbox.ports import HOST, Ports
from sandbox.program import Part, Program, Task
from sandbox.settings import CLONE, Settings
from sandbox.state import State

PRODUCT_USER = "groundwork"
"""The cluster user that Groundwork itself signs in as: it has the rights of its ClusterRole, no others."""

_MANIFESTS = Path(__file__).parent / "manifests"
_PRODUCT_RIGHTS = CLONE / "deploy" / "kubernetes" / "groundwork.yaml"
_FLUX_NAMESPACE = "flux-system"
_FLUX_CONCURRENCY = 20  # the default of 4 lets a few failing health checks hold up everybody else
_KUBERNETES_CLIENTS = {
    "admin": ("groundwork-sandbox-admin", ["system:masters"]),
    "kube-controller-manager": ("system:kube-controller-manager", []),
    "kube-scheduler": ("system:kube-scheduler", []),
    "kwok": ("groundwork-sandbox-kwok", ["system:masters"]),
    PRODUCT_USER: (PRODUCT_USER, []),
}
_NO_FOREIGN_REFERENCES = "--no-cross-namespace-refs=true"
_KUSTOMIZE_LOCKDOWN = (_NO_FOREIGN_REFERENCES, "--no-remote-bases=true", "--default-service-account=default")
# Flux looks at the health of what it has applied at once, and then only every five seconds: workloads that
# are applied before the rest are running by that first look.
_WORKLOADS_FIRST = "--custom-apply-stage-kinds=apps/Deployment,policy/PodDisruptionBudget"
_PORTS = {
    "etcd": ["etcd", "etcd-peer"],
    "kube-apiserver": ["kube-apiserver"],
    "kube-controller-manager": ["kube-controller-manager"],
    "kube-scheduler": ["kube-scheduler"],
    "kwok": ["kwok"],
    "source-controller": ["source-storage", "source-controller-health", "source-controller-metrics"],
    "kustomize-controller": ["kustomize-controller-health", "kustomize-controller-metrics"],
    "notification-controller": [
        "notification-events",
        "notification-receiver",
        "notification-controller-health",
        "notification-controller-metrics",
    ],
}
_FLUX_CLIENTS = ("source-controller", "kustomize-controller", "notification-controller")


class ControlPlane(Part):
    """etcd, Kubernetes, KWOK and Flux."""

    name = "control-plane"

    def __init__(self, state: State, ports: Ports, settings: Settings, console: Console) -> None:
        self._state = state
        self._ports = ports
        self._cache = settings.cache_dir
        self._console = console
        self._folder = state.root / "kubernetes"
        self._artifacts = self._folder / "artifacts"
        self._scratch = self._folder / "scratch"
        self._authority = Authority(self._folder / "pki")

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{HOST}:{self._ports['kube-apiserver']}"

    @property
    def product_kubeconfig(self) -> Path:
        """Kubeconfig that Groundwork itself uses, with no more rights than its ClusterRole gives."""
        return self._kubeconfig_file(PRODUCT_USER)

    def issue_client_kubeconfig(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig (mode 0600) for a user and groups of your choice; what they may do is up to RBAC."""
        path = self._folder / "clients" / f"{user.replace('/', '_')}.kubeconfig"
        return self._authority.kubeconfig(path, self.server, user, groups)

    def prepare(self) -> None:
        ensure_built(self._cache, self._console)
        for folder in (self._artifacts, self._scratch):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._authority.create()
        for client, (user, groups) in _KUBERNETES_CLIENTS.items():
            self._authority.kubeconfig(self._kubeconfig_file(client), self.server, user, groups)
        for controller in _FLUX_CLIENTS:
            user = f"system:serviceaccount:{_FLUX_NAMESPACE}:{controller}"
            groups = ["system:serviceaccounts", f"system:serviceaccounts:{_FLUX_NAMESPACE}"]
            self._authority.kubeconfig(self._kubeconfig_file(controller), self.server, user, groups)

    @property
    def ports(self) -> Mapping[str, Sequence[str]]:
        return _PORTS

    def programs(self) -> list[Program]:
        return [*self._kubernetes(), *self._flux()]

    def tasks(self) -> list[Task]:
        return [
            Task("cluster-objects", self._apply_objects, after=["kube-apiserver"]),
            Task("nodes", self._wait_for_nodes, after=["kwok", "cluster-objects"]),
            Task("rights", self._wait_for_rights, after=["kube-controller-manager", "cluster-objects"]),
        ]

    def env(self) -> dict[str, str]:
        kubectl = artefact(self._cache).program("kubectl")
        return {"KUBECONFIG": str(self._kubeconfig_file("admin")), "KUBECTL": str(kubectl)}

    def _kubernetes(self) -> list[Program]:
        etcd = f"http://{HOST}:{self._ports['etcd']}"
        return [
            self._program("etcd", self._etcd_flags(etcd), http_probe(f"{etcd}/health"), url=etcd),
            self._program(
                "kube-apiserver",
                self._apiserver_flags(etcd),
                http_probe(f"{self.server}/readyz", tls=self._admin_tls),
                url=self.server,
                after=["etcd"],
            ),
            self._controller(
                "kube-controller-manager",
                [
                    f"--service-account-private-key-file={self._authority.service_account_key}",
                    f"--root-ca-file={self._authority.certificate_file}",
                    "--use-service-account-credentials=true",
                ],
            ),
            self._controller("kube-scheduler", []),
            self._program(
                "kwok",
                [
                    f"--kubeconfig={self._kubeconfig_file('kwok')}",
                    "--manage-all-nodes=true",
                    "--node-lease-duration-seconds=40",
                    f"--server-address={HOST}:{self._ports['kwok']}",
                    *(f"--config={stage}" for stage in self._built.stages),
                ],
                http_probe(f"http://{HOST}:{self._ports['kwok']}/healthz"),
                after=["cluster-objects"],
            ),
        ]

    def _etcd_flags(self, url: str) -> list[str]:
        peer = f"http://{HOST}:{self._ports['etcd-peer']}"
        return [
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",  # a sandbox may lose its last moments when the machine itself goes down
        ]

    def _apiserver_flags(self, etcd: str) -> list[str]:
        authority = self._authority
        return [
            f"--etcd-servers={etcd}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={self._ports['kube-apiserver']}",
            f"--tls-cert-file={authority.server_certificate}",
            f"--tls-private-key-file={authority.server_key}",
            f"--client-ca-file={authority.certificate_file}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={authority.service_account_public_key}",
            f"--service-account-signing-key-file={authority.service_account_key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--endpoint-reconciler-type=none",  # loopback cannot be an endpoint
            "--allow-privileged=true",
        ]

    def _controller(self, name: str, flags: Sequence[str]) -> Program:
        """One of Kubernetes' own controllers; its health endpoint needs no credentials."""
        kubeconfig = self._kubeconfig_file(name)
        common = [
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--secure-port={self._ports[name]}",
            f"--cert-dir={self._folder / 'serving' / name}",
        ]
        probe = http_probe(f"https://{HOST}:{self._ports[name]}/healthz")
        return self._program(name, [*common, *flags], probe, after=["kube-apiserver"])

    def _flux(self) -> list[Program]:
        storage = f"{HOST}:{self._ports['source-storage']}"
        events = f"{HOST}:{self._ports['notification-events']}"
        receiver = f"{HOST}:{self._ports['notification-receiver']}"
        return [
            self._flux_controller(
                "source-controller",
                [
                    f"--events-addr=http://{events}/",
                    f"--storage-path={self._artifacts}",
                    f"--storage-addr={storage}",
                    f"--storage-adv-addr={storage}",
                ],
            ),
            self._flux_controller(
                "kustomize-controller",
                [f"--events-addr=http://{events}/", *_KUSTOMIZE_LOCKDOWN, _WORKLOADS_FIRST],
            ),
            self._flux_controller(
                "notification-controller",
                [f"--events-addr={events}", f"--receiverAddr={receiver}", _NO_FOREIGN_REFERENCES],
                url=f"http://{receiver}",
            ),
        ]

    def _flux_controller(self, name: str, flags: Sequence[str], url: str = "") -> Program:
        health = f"{HOST}:{self._ports[f'{name}-health']}"
        common = [
            f"--health-addr={health}",
            f"--metrics-addr={HOST}:{self._ports[f'{name}-metrics']}",
            f"--concurrent={_FLUX_CONCURRENCY}",
            "--watch-all-namespaces=true",
        ]
        environment = {
            "KUBECONFIG": str(self._kubeconfig_file(name)),
            "RUNTIME_NAMESPACE": _FLUX_NAMESPACE,
            "TMPDIR": str(self._scratch),  # one that is killed leaves its clones behind
        }
        probe = http_probe(f"http://{health}/readyz")
        after = ["cluster-objects"]
        return self._program(name, [*common, *flags], probe, after=after, environment=environment, url=url)

    def _program(
        self,
        name: str,
        flags: Sequence[str],
        probe: Probe,
        *,
        after: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        url: str = "",
    ) -> Program:
        command = [str(self._built.program(name)), *flags]
        return Program(name, command, probe, url=url, environment=environment or {}, after=after)

    @property
    def _built(self) -> Artefact:
        return artefact(self._cache)

    def _kubeconfig_file(self, client: str) -> Path:
        return self._folder / f"{client}.kubeconfig"

    def _admin_tls(self) -> ssl.SSLContext:
        return self._authority.client_context(self._kubeconfig_file("admin"))

    def _apply_objects(self) -> None:
        """Applies CRDs, rights and nodes; unchanged objects stay as they are."""
        sources = [f"--filename={source}" for source in (self._built.crds, _MANIFESTS, _PRODUCT_RIGHTS)]
        self._kubectl("apply", "--server-side", "--force-conflicts", *sources)

    def _wait_for_nodes(self) -> None:
        self._kubectl("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")

    def _wait_for_rights(self) -> None:
        """The controller manager fills the built-in role `edit` only some seconds after its start."""

        def check() -> None:
            for right in (("list", "deployments.apps"), ("patch", "configmaps")):
                try:
                    self._kubectl("auth", "can-i", *right, "--all-namespaces", f"--as={PRODUCT_USER}")
                except ProgramFailed as error:
                    raise Unhealthy(f"{PRODUCT_USER} may not {' '.join(right)} yet") from error

        wait_until(check, seconds=60, what="rights")

    def _kubectl(self, *arguments: str) -> None:
        done = subprocess.run(
            [
                self._built.program("kubectl"),
                f"--kubeconfig={self._kubeconfig_file('admin')}",
                f"--cache-dir={self._folder / 'kubectl-cache'}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ProgramFailed(f"kubectl {arguments[0]} failed: {done.stderr.strip()}")
