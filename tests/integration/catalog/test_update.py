"""A repository made by Groundwork can be updated with Copier itself when the template has a new version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from groundwork.catalog import ANSWERS_FILE, RenderContext, Template, get_template, render

SOURCE = "https://templates.invalid/published.git"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Developer", "-c", "user.email=developer@example.com"]
    result = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return result.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", message)


def publish(folder: Path, version: str) -> None:
    meta = folder / "template.yaml"
    content = yaml.safe_load(meta.read_text()) | {"version": version}
    meta.write_text(yaml.safe_dump(content))
    commit(folder, version)
    git(folder, "tag", version)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def update(repository: Path, published: Path, work: Path) -> None:
    """`copier update`, with the published address standing for a local folder, as git's insteadOf does it."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "COPIER_CACHE_DIR": str(work / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{published}.insteadOf",
        "GIT_CONFIG_VALUE_0": SOURCE,
    }
    command = [sys.executable, "-m", "copier", "update", "--defaults", "--quiet", str(repository)]
    result = subprocess.run(
        command, cwd=published.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("with_source", [True, False], ids=["by its address", "by its id"])
def test_update_keeps_the_developers_changes(
    template: Template, context: RenderContext, tmp_path: Path, with_source: bool
) -> None:
    published = tmp_path / "catalog" / template.id
    shutil.copytree(template.path, published)
    if with_source:
        with (published / "template.yaml").open("a") as meta:
            meta.write(f"source: {SOURCE}\n")
    git(published, "init", "--quiet", "--initial-branch=main")
    publish(published, "1.0.0")
    repository = tmp_path / "repository"
    render(get_template(template.id, tmp_path / "catalog"), {"memory": "512Mi"}, context, repository)
    git(repository, "init", "--quiet", "--initial-branch=main")
    commit(repository, "start")
    readme = repository / "README.md"
    readme.write_text(readme.read_text() + "\nOurs.\n")
    commit(repository, "change by a developer")

    file = "deployment.yaml" if template.id == "web-service" else "cron-job.yaml"
    replace(published / "template/deploy/base" / f"{file}.jinja", "enableServiceLinks: false", "priority: 5")
    publish(published, "1.1.0")
    update(repository, published, tmp_path)

    changed = git(repository, "diff", "--name-only").split()
    assert changed == [ANSWERS_FILE, f"deploy/base/{file}"]
    assert "priority: 5" in (repository / "deploy/base" / file).read_text()
    assert 'memory: "512Mi"' in (repository / "deploy/base" / file).read_text()
    assert readme.read_text().endswith("\nOurs.\n")
    assert git(repository, "diff", "--numstat", ANSWERS_FILE).split()[:2] == ["1", "1"]
    assert yaml.safe_load((repository / ANSWERS_FILE).read_text())["_commit"] == "1.1.0"
