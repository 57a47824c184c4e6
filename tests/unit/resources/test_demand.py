"""Workloads that cannot fit into their namespace's quota are told before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from groundwork.resources.demand import excess

QUOTA = {"pods": "10", "requests.cpu": "2", "requests.memory": "1Gi"}
DEFAULTS = {"cpu": "50m", "memory": "64Mi"}


def pod(**requests: str) -> dict[str, Any]:
    return {"containers": [{"name": "app", "resources": {"requests": requests}}]}


def deployment(replicas: int | None, spec: dict[str, Any]) -> dict[str, Any]:
    given = {} if replicas is None else {"replicas": replicas}
    return {"kind": "Deployment", "spec": {**given, "template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("manifests", "told"),
    [
        ([], []),
        ([{"kind": "ConfigMap"}], []),
        ([deployment(10, pod(cpu="200m"))], []),
        ([deployment(11, pod(cpu="10m", memory="1Mi"))], ["pods: the workloads ask for 11"]),
        ([deployment(2, pod(cpu="90"))], ["requests.cpu: the workloads ask for 180"]),
        ([deployment(None, pod(cpu="3"))], ["requests.cpu: the workloads ask for 3 "]),
        ([deployment(0, pod(cpu="90"))], []),
        ([deployment(1, pod(cpu="1500m")), deployment(1, pod(cpu="600m"))], ["requests.cpu: "]),
        ([deployment(3, pod(memory="512Mi"))], ["requests.memory: "]),
        ([deployment(2, {"containers": [{"name": "a"}, {"name": "b"}]})], []),
        ([deployment(9, {"containers": [{"name": "a"}, {"name": "b"}]})], ["requests.memory: "]),
        (
            [deployment(1, {"containers": [{"name": "a", "resources": {"limits": {"cpu": "4"}}}]})],
            ["requests.cpu: the workloads ask for 4 "],
        ),
        ([{"kind": "Pod", "spec": pod(cpu="3")}], ["requests.cpu: "]),
        ([{"kind": "Job", "spec": {"template": {"spec": pod(cpu="3")}}}], ["requests.cpu: "]),
        (
            [{"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod(cpu="3")}}}}}],
            ["requests.cpu: "],
        ),
    ],
)
def test_what_exceeds_the_quota_is_told(manifests: list[dict[str, Any]], told: list[str]) -> None:
    found = excess(manifests, QUOTA, DEFAULTS)
    assert len(found) == len(told)
    assert all(start in text for start, text in zip(told, found, strict=True))


def test_what_the_quota_does_not_limit_is_not_asked() -> None:
    assert excess([deployment(100, pod(cpu="90"))], {}, DEFAULTS) == []
