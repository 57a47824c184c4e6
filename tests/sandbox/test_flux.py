"""Flux in the sandbox is real: it syncs from the sandbox's GitLab, and holds tenants apart."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from gitlab import Gitlab

from sandbox.errors import Unhealthy
from sandbox.health import wait_until

if TYPE_CHECKING:
    from tests.conftest import SharedSandbox

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: registry.example.com/web:1}]
"""


def test_a_kustomization_gets_ready_from_a_gitlab_repository(tenant: Tenant) -> None:
    revision = tenant.push({"deploy/web.yaml": _DEPLOYMENT})
    tenant.apply_source()
    tenant.apply_kustomization(path="./deploy", serviceAccountName="deployer", wait=True)
    tenant.wait_for(lambda found: found["Ready"]["status"] == "True")
    applied = tenant.get("kustomization", "app")["status"]["lastAppliedRevision"]
    assert applied == f"main@sha1:{revision}"
    assert tenant.get("deployment", "web")["status"]["availableReplicas"] == 2


def test_without_a_service_account_of_its_own_it_may_do_nothing(tenant: Tenant) -> None:
    tenant.push({"deploy/web.yaml": _DEPLOYMENT})
    tenant.apply_source()
    tenant.apply_kustomization(path="./deploy")
    found = tenant.wait_for(lambda found: "forbidden" in found["Ready"]["message"])
    assert f"system:serviceaccount:{tenant.namespace}:default" in found["Ready"]["message"]
    assert found["Ready"]["status"] == "False"


def test_a_source_in_another_namespace_is_refused(tenant: Tenant) -> None:
    source = {"kind": "GitRepository", "name": "app", "namespace": "kube-system"}
    tenant.apply_kustomization(path="./", sourceRef=source)
    found = tenant.wait_for(lambda found: found["Ready"]["status"] == "False")
    assert found["Ready"]["reason"] == "AccessDenied"


def test_a_remote_base_is_refused(tenant: Tenant) -> None:
    base = "resources: [https://example.com/base.yaml]\n"
    tenant.push({"deploy/kustomization.yaml": base})
    tenant.apply_source()
    tenant.apply_kustomization(path="./deploy", serviceAccountName="deployer")
    # Before it has seen its source, it says that there is none.
    found = tenant.wait_for(lambda found: found["Ready"]["reason"] == "BuildFailed")
    assert found["Ready"]["status"] == "False"


@pytest.mark.parametrize(
    ("verb", "resource", "allowed"),
    [
        ("create", "namespaces", "yes"),
        ("delete", "namespaces", "yes"),
        ("list", "pods", "yes"),
        ("delete", "nodes", "no"),
        ("create", "clusterrolebindings", "no"),
        ("update", "gitrepositories", "no"),
    ],
)
def test_groundworks_own_rights_are_those_of_its_cluster_role(
    sandbox_cluster: SharedSandbox, verb: str, resource: str, allowed: str
) -> None:
    assert _can_i(sandbox_cluster, sandbox_cluster.product_kubeconfig, verb, resource) == allowed


def test_a_client_without_rights_has_none(sandbox_cluster: SharedSandbox) -> None:
    kubeconfig = sandbox_cluster.parts.control_plane.issue_client_kubeconfig("stranger", ["strangers"])
    assert kubeconfig.stat().st_mode & 0o777 == 0o600
    assert _can_i(sandbox_cluster, str(kubeconfig), "get", "namespaces") == "no"


@pytest.fixture
def tenant(
    sandbox_cluster: SharedSandbox, sandbox_gitlab: SharedSandbox, request: pytest.FixtureRequest
) -> Tenant:
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    assert sandbox_cluster is sandbox_gitlab
    return Tenant(sandbox_cluster, name)


class Tenant:
    """A namespace with a service account that may edit it, and a repository on the sandbox's GitLab."""

    def __init__(self, sandbox: SharedSandbox, name: str) -> None:
        self.namespace = name
        self._sandbox = sandbox
        server = Gitlab(sandbox.gitlab_url, private_token=sandbox.gitlab_token)
        group = server.groups.get("platform")
        self._project = server.projects.create(
            {"name": name, "namespace_id": group.id, "default_branch": "main", "initialize_with_readme": True}
        )
        account = {"kind": "ServiceAccount", "name": "deployer", "namespace": name}
        token = {"username": "groundwork", "password": sandbox.gitlab_token}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
        self._apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self._apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}})
        self._apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "credentials"}, "stringData": token}
        )
        self._apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "deployer"},
                "roleRef": role,
                "subjects": [account],
            }
        )

    def push(self, files: dict[str, str]) -> str:
        """Commits files to the repository; returns the commit's sha."""
        actions = [{"action": "create", "file_path": path, "content": text} for path, text in files.items()]
        commit = {"branch": "main", "commit_message": "Describe the application", "actions": actions}
        return str(self._project.commits.create(commit).id)

    def apply_source(self) -> None:
        self._apply(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": "app"},
                "spec": {
                    "interval": "1m",
                    "url": self._project.http_url_to_repo,
                    "ref": {"branch": "main"},
                    "secretRef": {"name": "credentials"},
                },
            }
        )

    def apply_kustomization(self, **spec: object) -> None:
        defaults = {
            "interval": "1m",
            "retryInterval": "10s",
            "timeout": "30s",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "app"},
            "targetNamespace": self.namespace,
        }
        self._apply(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": "app"},
                "spec": defaults | spec,
            }
        )

    def wait_for(self, expected: Any) -> dict[str, dict[str, str]]:
        """The Kustomization's conditions by type, as soon as they are as expected."""
        latest: dict[str, dict[str, str]] = {}

        def check() -> None:
            status = self.get("kustomization", "app").get("status", {})
            latest.update({condition["type"]: condition for condition in status.get("conditions", [])})
            if "Ready" not in latest or not expected(latest):
                raise Unhealthy(f"conditions: {latest.get('Ready')}")

        wait_until(check, seconds=60, what=f"Kustomization {self.namespace}/app")
        return latest

    def get(self, kind: str, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._kubectl("get", kind, name, "--output=json"))
        return answer

    def _apply(self, manifest: dict[str, Any]) -> None:
        self._kubectl("apply", "--server-side", "--filename=-", text=json.dumps(manifest))

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        command = [self._sandbox.kubectl, "--kubeconfig", self._sandbox.kubeconfig]
        done = subprocess.run(
            [*command, "--namespace", self.namespace, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _can_i(sandbox: SharedSandbox, kubeconfig: str, verb: str, resource: str) -> str:
    command = [sandbox.kubectl, "--kubeconfig", kubeconfig, "auth", "can-i", verb, resource]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip()
