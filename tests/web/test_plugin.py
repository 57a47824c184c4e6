"""The plugin as Airflow loads it: it brings what it should, shadows no module, and costs a task little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import Caller

ROOT = Path(__file__).parents[2]
HEAVY = ("fastapi", "jinja2.environment", "psycopg", "kubernetes", "gitlab", "httpx")
LOAD = """
import importlib, json, sys
import fastapi, git, gitlab, httpx, kubernetes, psycopg, yaml
before = dict(sys.modules)
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
replaced = [name for name, module in before.items() if sys.modules.get(name) is not module]
print(json.dumps({"names": [plugin.name for plugin in plugins], "errors": errors, "replaced": replaced}))
"""


def run(code: str, home: Path) -> Any:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "include"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_loading_plugins_replaces_no_module(tmp_path: Path) -> None:
    """Airflow registers every file below `plugins/` under its bare name, over whatever has it already."""
    found = run(LOAD, tmp_path)
    assert found["errors"] == {}
    assert "groundwork" in found["names"]
    assert found["replaced"] == []


def test_one_file_lies_in_plugins_and_its_name_is_nobody_elses(tmp_path: Path) -> None:
    files = sorted(path.relative_to(ROOT / "plugins") for path in (ROOT / "plugins").rglob("*.py"))
    assert files == [Path("groundwork_plugin.py")]
    code = "import importlib.util as u, json; print(json.dumps(u.find_spec('groundwork_plugin') is None))"
    assert run(code, tmp_path) is True


def test_loading_it_imports_nothing_that_only_the_web_server_needs(tmp_path: Path) -> None:
    """Every task process loads plugins."""
    code = f"""
import json, sys
import airflow.plugins_manager, airflow.sdk
before = set(sys.modules)
sys.path.insert(0, {str(ROOT / "plugins")!r})
import groundwork_plugin
print(json.dumps([name for name in {HEAVY!r} if name in set(sys.modules) - before]))
"""
    assert run(code, tmp_path) == []


@pytest.mark.parametrize(
    ("destination", "number"), [("nav", 4), ("dag_run", 1)], ids=["navigation", "tab of a run"]
)
def test_airflow_shows_its_views(caller: Caller, destination: str, number: int) -> None:
    plugins = caller(root="/api/v2").get("/plugins").raise_for_status().json()["plugins"]
    [own] = [plugin for plugin in plugins if plugin["name"] == "groundwork"]
    views = [view for view in own["external_views"] if view["destination"] == destination]
    assert len(views) == number
    assert all(view["href"].startswith("/groundwork/") for view in views)
