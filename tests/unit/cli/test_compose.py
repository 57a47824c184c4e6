"""docker-compose.yaml fits the rest: mounts exist, .env.example holds what it asks for, tags are pinned."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundwork.settings import Settings

CLONE = Path(__file__).parents[3]
TEXT = (CLONE / "docker-compose.yaml").read_text()
ASKED = re.compile(r"(?<!\$)\$\{(\w+)[^}]*\}")


@pytest.fixture
def compose() -> dict[str, Any]:
    """The file as Compose reads it, with every variable set to its own name."""
    loaded: dict[str, Any] = yaml.safe_load(ASKED.sub(r"\1", TEXT))
    return loaded


def test_the_example_env_file_holds_exactly_what_is_asked_for() -> None:
    lines = (CLONE / ".env.example").read_text().splitlines()
    offered = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}

    assert set(ASKED.findall(TEXT)) == offered


def test_no_secret_has_a_value_in_the_example() -> None:
    for line in (CLONE / ".env.example").read_text().splitlines():
        name, _, value = line.partition("=")
        if re.search(r"(PASSWORD|TOKEN|SECRET|KEY)$", name.removeprefix("#")):
            assert value == "", name


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    dockerfile = (CLONE / "deploy" / "airflow" / "Dockerfile").read_text()
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert [image for image in images if not re.search(r":\d+\.\d+", image)] == []


def test_the_image_has_the_airflow_that_the_requirements_pin() -> None:
    dockerfile = (CLONE / "deploy" / "airflow" / "Dockerfile").read_text()
    pinned = re.findall(r"^apache-airflow==(\S+)", (CLONE / "requirements.txt").read_text(), re.MULTILINE)

    assert re.findall(r"^FROM apache/airflow:([\d.]+)", dockerfile, re.MULTILINE) == pinned


def test_what_is_mounted_or_copied_exists(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service["volumes"]]
    paths = {mount.partition(":")[0] for mount in mounts if mount.startswith("./")}
    paths |= {
        service["build"]["dockerfile"] for service in compose["services"].values() if "build" in service
    }

    assert [path for path in sorted(paths) if not (CLONE / path).exists()] == []


def test_the_connections_are_those_the_settings_name(compose: dict[str, Any]) -> None:
    environment = compose["services"]["airflow-scheduler"]["environment"]
    settings = Settings()

    for connection, kind in (
        (settings.gitlab_connection, "generic"),
        (settings.cluster_connection, "kubernetes"),
    ):
        assert json.loads(environment[f"AIRFLOW_CONN_{connection.upper()}"])["conn_type"] == kind
    database = environment[f"AIRFLOW_CONN_{settings.database_connection.upper()}"]
    assert database.startswith("postgres://groundwork:")


def test_every_process_of_airflow_is_there_once_and_waits_for_the_migration(compose: dict[str, Any]) -> None:
    names = {"api-server", "scheduler", "dag-processor", "triggerer"}
    services = {name: item for name, item in compose["services"].items() if name != "postgres"}

    assert set(services) == {f"airflow-{name}" for name in names} | {"airflow-init"}
    for name in names:
        assert list(services[f"airflow-{name}"]["depends_on"]) == ["airflow-init"]
