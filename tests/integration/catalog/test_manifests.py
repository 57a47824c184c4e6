"""Whatever answers are accepted, the manifests keep their structure, with each value in its place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from groundwork.catalog import ANSWERS_FILE, RenderContext, check_answers, get_template, render
from groundwork.errors import InvalidRequest

HOSTILE = [
    *("{{ 7 * 7 }}", "{% for x in y %}", "{# no #}", "{{ project.id }}", "{{ cycler.__init__.__globals__ }}"),
    *(
        "a: b",
        "- x",
        "#",
        " # x",
        "'",
        '"',
        '\\"',
        "\\",
        "&a",
        "*a",
        "|",
        ">-",
        "!!python/object:os.system x",
    ),
    *("---", "...", "null", "~", "yes", "1e3", "0x1F", "[", "{", "]}", ",", "?", "@", "`", "= =", "%Y"),
    *(
        "${HOME}",
        "$(id)",
        "$$",
        "; rm -rf /",
        "../../etc/passwd",
        "/etc/passwd",
        " lead",
        "trail ",
        "é",
        "😀",
    ),
    *("\u202e", "\ufeff", "\u200d", "\ud800", "\u2028", "\x85", "\x7f", "\t", "x\ny", "\0", "x" * 1001),
]
texts = st.sampled_from(HOSTILE) | st.text(max_size=30)
plain = st.text(alphabet="abcz019-._/:@ ", max_size=20)
variables = st.dictionaries(
    st.sampled_from(["A", "LOG_LEVEL", "_X", "A B", "APP_ENVIRONMENT"]), texts, max_size=3
)
ports = st.lists(st.integers(-1, 65536), max_size=3)
cpu = st.sampled_from(["1m", "250m", "2", "64"]) | texts

COMMON = {
    "image": st.sampled_from(["r.io/a/b:1", "a:1-x"]) | plain.map(lambda text: f"r.io/{text}:1") | texts,
    "cpu_request": cpu,
    "cpu_limit": cpu,
    "memory": st.sampled_from(["1Mi", "3Gi"]) | texts,
    "run_as_user": st.integers(0, 70000),
    "environment_variables": variables,
    "egress_ports": ports,
}
WEB_SERVICE = COMMON | {
    "port": st.integers(1000, 65536),
    "health_path": st.sampled_from(["/", "/healthz"]) | plain.map(lambda text: f"/{text}") | texts,
    "replicas": st.integers(0, 51),
    "environment_replicas": st.dictionaries(st.sampled_from(["dev", "no", "x"]) | texts, st.integers(0, 51)),
    "domain": st.sampled_from(["", "a.example.com", "no"]) | texts,
}
fields = st.sampled_from(["*", "0", "*/2", "1-3", "1,2", "5"])
SCHEDULED_WORKER = COMMON | {
    "command": st.lists(texts, max_size=4),
    "schedule": st.lists(fields, min_size=5, max_size=5).map(" ".join) | texts,
    "time_zone": st.sampled_from(["Etc/UTC", "Europe/Berlin", "No", "NO", "ON"]) | texts,
    "concurrency": st.sampled_from(["Allow", "Forbid", "Replace"]) | texts,
    "time_limit": st.integers(9, 86401),
    "retries": st.integers(-1, 11),
    "suspended_environments": st.lists(st.sampled_from(["dev", "no", "123"]) | texts, max_size=3),
}


def accepted_answers(questions: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=questions)


def rendered(template_id: str, answers: dict[str, Any], context: RenderContext) -> dict[str, Any]:
    """Every file of the repository by its path: YAML as data, other files as text."""
    with TemporaryDirectory() as folder:
        render(get_template(template_id), answers, context, Path(folder, "repository"))
        assert [path.name for path in Path(folder).iterdir()] == ["repository"]
        files = [path for path in Path(folder, "repository").rglob("*") if path.is_file()]
        return {
            path.relative_to(folder).as_posix().removeprefix("repository/"): (
                yaml.safe_load(path.read_bytes()) if path.suffix in (".yaml", ".yml") else path.read_text()
            )
            for path in files
        }


def test_web_service(context: RenderContext) -> None:
    check_all("web-service", WEB_SERVICE, context, expected_web_service)


def test_scheduled_worker(context: RenderContext) -> None:
    check_all("scheduled-worker", SCHEDULED_WORKER, context, expected_scheduled_worker)


Expected = Callable[[dict[str, Any], dict[str, Any]], None]


def check_all(
    template_id: str, questions: dict[str, st.SearchStrategy[Any]], context: RenderContext, expected: Expected
) -> None:
    """For any accepted answers the repository is the one of the default answers with the values put in."""
    template = get_template(template_id)
    defaults = rendered(template_id, {}, context)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(accepted_answers(questions))
    def check(answers: dict[str, Any]) -> None:
        answers = only_accepted(answers)
        values = check_answers(template, answers, context)
        event(f"{len(answers)} answers")
        files = copy.deepcopy(defaults)
        files[ANSWERS_FILE] |= values
        put_common(files, values)
        expected(files, values)
        files.pop("README.md")
        found = rendered(template_id, answers, context)
        assert context.name in found.pop("README.md")
        assert found == files

    def only_accepted(answers: dict[str, Any]) -> dict[str, Any]:
        while True:
            try:
                check_answers(template, answers, context)
            except InvalidRequest as error:
                refused = {problem.field.removeprefix("template_answers.") for problem in error.problems}
                if not refused & answers.keys():  # a default that a given answer contradicts
                    refused = {"cpu_request"}
                answers = {name: value for name, value in answers.items() if name not in refused}
            else:
                return answers

    check()


def put_common(files: dict[str, Any], values: dict[str, Any]) -> None:
    lines = [
        f"{name}={value}" for name, value in sorted(values["environment_variables"].items(), key=by_name)
    ]
    comment = (
        "# Environment variables of the program in every environment, one NAME=value per line. No secrets."
    )
    files["deploy/base/settings.env"] = "\n".join([comment, *lines]) + "\n"
    egress = files["deploy/base/network-policy.yaml"]["spec"]["egress"]
    del egress[1:]
    if values["egress_ports"]:
        egress.append({"ports": [{"protocol": "TCP", "port": port} for port in values["egress_ports"]]})


def by_name(item: tuple[str, Any]) -> str:
    return item[0].lower()


def put_container(pod: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    pod["securityContext"]["runAsUser"] = values["run_as_user"]
    container: dict[str, Any] = pod["containers"][0]
    container["image"] = values["image"]
    container["resources"] = {
        "requests": {"cpu": values["cpu_request"], "memory": values["memory"]},
        "limits": {"cpu": values["cpu_limit"], "memory": values["memory"]},
    }
    return container


def expected_web_service(files: dict[str, Any], values: dict[str, Any]) -> None:
    deployment = files["deploy/base/deployment.yaml"]["spec"]
    deployment["replicas"] = values["replicas"]
    container = put_container(deployment["template"]["spec"], values)
    container["ports"][0]["containerPort"] = values["port"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["path"] = values["health_path"]
    for environment in ("dev", "no", "123"):
        overlay = files[f"deploy/overlays/{environment}/kustomization.yaml"]
        count = values["environment_replicas"].get(environment, values["replicas"])
        overlay["replicas"] = [{"name": "web", "count": count}]
        if values["domain"]:
            overlay["resources"] = ["../../base", "ingress.yaml"]
            host = f"1e5-{environment}.{values['domain']}"
            files[f"deploy/overlays/{environment}/ingress.yaml"] = ingress(host)


def ingress(host: str) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web",
            "labels": {"app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "1e5"},
        },
        "spec": {"rules": [{"host": host, "http": {"paths": [path]}}]},
    }


def expected_scheduled_worker(files: dict[str, Any], values: dict[str, Any]) -> None:
    cron_job = files["deploy/base/cron-job.yaml"]["spec"]
    cron_job["schedule"] = values["schedule"]
    cron_job["timeZone"] = values["time_zone"]
    cron_job["concurrencyPolicy"] = values["concurrency"]
    job = cron_job["jobTemplate"]["spec"]
    job["activeDeadlineSeconds"] = values["time_limit"]
    job["backoffLimit"] = values["retries"]
    container = put_container(job["template"]["spec"], values)
    container["command"] = values["command"]
    if not values["command"]:
        del container["command"]
    for environment in ("dev", "no", "123"):
        patch = files[f"deploy/overlays/{environment}/kustomization.yaml"]["patches"][0]
        paused = environment in values["suspended_environments"]
        patch["patch"] = patch["patch"].replace("value: false", f"value: {str(paused).lower()}")


@pytest.mark.parametrize("value", [text for text in HOSTILE if text.isprintable() and len(text) <= 1000])
def test_hostile_text_stays_text(context: RenderContext, value: str) -> None:
    files = rendered("scheduled-worker", {"command": [value], "environment_variables": {"A": value}}, context)
    template = files["deploy/base/cron-job.yaml"]["spec"]["jobTemplate"]["spec"]["template"]
    assert template["spec"]["containers"][0]["command"] == [value]
    assert files["deploy/base/settings.env"].split("\n")[1] == f"A={value}"
    assert files[ANSWERS_FILE]["command"] == [value]
