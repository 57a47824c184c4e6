"""Every overlay of every template builds with the real Kustomize, and fits a namespace with guardrails."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundwork.catalog import RenderContext, Template, get_template, render

# Every option of both templates away from its default.
FULL: dict[str, dict[str, Any]] = {
    "web-service": {
        "environment_replicas": {"dev": 1, "123": 7},
        "environment_variables": {"A": " '\"#{{ x }}=$(B) ${C} 😀 ", "B": "", "C": "null"},
        "egress_ports": [],
        "domain": "apps.example.com",
    },
    "scheduled-worker": {
        "command": [],
        "suspended_environments": ["no"],
        "environment_variables": {"A": " '\"#{{ x }}=$(B) ${C} 😀 ", "B": "", "C": "null"},
        "egress_ports": [443, 5432],
    },
}
# What a ServiceAccount with the ClusterRole `edit` may write, of the kinds used here.
WRITABLE = {
    *(
        "apps/v1/Deployment",
        "batch/v1/CronJob",
        "networking.k8s.io/v1/Ingress",
        "policy/v1/PodDisruptionBudget",
    ),
    *("networking.k8s.io/v1/NetworkPolicy", "v1/ConfigMap", "v1/Service"),
}


@pytest.fixture(params=["defaults", "full"])
def repository(
    request: pytest.FixtureRequest, template: Template, context: RenderContext, tmp_path: Path
) -> Path:
    render(template, FULL[template.id] if request.param == "full" else {}, context, tmp_path)
    return tmp_path


def build(kubectl: Path, repository: Path, environment: str) -> dict[str, dict[str, Any]]:
    """The objects of one environment by kind."""
    result = subprocess.run(
        [kubectl, "kustomize", repository / "deploy/overlays" / environment],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stderr
    found = list(yaml.safe_load_all(result.stdout))
    by_kind = {item["kind"]: item for item in found}
    assert len(by_kind) == len(found)
    return by_kind


def pod_of(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if "CronJob" in objects:
        pod: dict[str, Any] = objects["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]
    else:
        pod = objects["Deployment"]["spec"]["template"]
    return pod


def test_every_overlay_builds_into_its_namespace(
    kubectl: Path, repository: Path, context: RenderContext
) -> None:
    for environment, namespace in context.namespaces.items():
        for item in build(kubectl, repository, environment).values():
            assert item["metadata"]["namespace"] == namespace
            assert item["metadata"]["labels"]["app.kubernetes.io/part-of"] == "1e5"
            assert f"{item['apiVersion']}/{item['kind']}" in WRITABLE


def test_pods_pass_the_restricted_pod_security_standard(kubectl: Path, repository: Path) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"""
    spec = pod_of(build(kubectl, repository, "dev"))["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all("emptyDir" in volume for volume in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys()
    (container,) = spec["containers"]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not any("hostPort" in port for port in container.get("ports", []))
    # A namespace with a ResourceQuota takes only pods that say what they need.
    assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys()


def test_everything_that_selects_pods_selects_these(kubectl: Path, repository: Path) -> None:
    objects = build(kubectl, repository, "dev")
    pod = pod_of(objects)
    (container,) = pod["spec"]["containers"]
    labels = pod["metadata"]["labels"].items()
    selectors = [objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    if "Deployment" in objects:
        selectors += [
            objects["Service"]["spec"]["selector"],
            objects["Deployment"]["spec"]["selector"]["matchLabels"],
            objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        ]
        names = {port["name"] for port in container["ports"]}
        assert objects["Service"]["spec"]["ports"][0]["targetPort"] in names
        assert objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"] in names
    assert all(selector.items() <= labels for selector in selectors)
    used = container["envFrom"][0]["configMapRef"]["name"]
    assert used == objects["ConfigMap"]["metadata"]["name"]


def test_settings_reach_the_environment_unchanged(
    kubectl: Path, template: Template, context: RenderContext, tmp_path: Path
) -> None:
    variables = FULL[template.id]["environment_variables"]
    render(template, {"environment_variables": variables}, context, tmp_path)
    for environment in context.environments:
        data = build(kubectl, tmp_path, environment)["ConfigMap"]["data"]
        assert data == {**variables, "APP_ENVIRONMENT": environment}


def test_environments_differ_where_the_answers_say_so(
    kubectl: Path, context: RenderContext, tmp_path: Path
) -> None:
    render(get_template("web-service"), FULL["web-service"], context, tmp_path / "web")
    render(get_template("scheduled-worker"), FULL["scheduled-worker"], context, tmp_path / "worker")
    web = {name: build(kubectl, tmp_path / "web", name) for name in context.environments}
    assert {name: found["Deployment"]["spec"]["replicas"] for name, found in web.items()} == {
        "dev": 1,
        "no": 2,
        "123": 7,
    }
    assert web["no"]["Ingress"]["spec"]["rules"][0]["host"] == "1e5-no.apps.example.com"
    worker = {name: build(kubectl, tmp_path / "worker", name) for name in context.environments}
    assert [name for name, found in worker.items() if found["CronJob"]["spec"]["suspend"]] == ["no"]
