"""Rendering a template into a folder: what is in it, and what happens when something is wrong."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
import yaml

from groundwork.catalog import (
    ANSWERS_FILE,
    MARKER_FILE,
    RenderContext,
    Template,
    check_answers,
    get_template,
    marked_project,
    render,
)
from groundwork.errors import Conflict, InvalidRequest

COMMON = {".copier-answers.yml", ".gitlab-ci.yml", ".groundwork.yaml", "README.md"}
BASE = {
    "web-service": {"deployment.yaml", "service.yaml", "pod-disruption-budget.yaml", "network-policy.yaml"},
    "scheduled-worker": {"cron-job.yaml", "network-policy.yaml"},
}


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_repository_is_complete(template: Template, context: RenderContext, tmp_path: Path) -> None:
    render(template, {}, context, tmp_path / "repository")
    base = {f"deploy/base/{name}" for name in (*BASE[template.id], "kustomization.yaml", "settings.env")}
    overlays = {
        f"deploy/overlays/{environment}/{name}"
        for environment in ("dev", "no", "123")
        for name in ("kustomization.yaml", "settings.env")
    }
    assert set(files_of(tmp_path / "repository")) == COMMON | base | overlays
    assert list(tmp_path.iterdir()) == [tmp_path / "repository"]


def test_an_ingress_per_environment_only_with_a_domain(context: RenderContext, tmp_path: Path) -> None:
    render(get_template("web-service"), {"domain": "apps.example.com"}, context, tmp_path / "repository")
    ingress = yaml.safe_load((tmp_path / "repository/deploy/overlays/no/ingress.yaml").read_text())
    assert ingress["spec"]["rules"][0]["host"] == "1e5-no.apps.example.com"


def test_the_same_input_gives_the_same_bytes(
    template: Template, context: RenderContext, tmp_path: Path
) -> None:
    for name in ("one", "two/deep"):
        render(template, {}, context, tmp_path / name)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two/deep")


def test_no_path_of_this_machine_is_left(template: Template, context: RenderContext, tmp_path: Path) -> None:
    render(template, {}, context, tmp_path / "repository")
    for name, content in files_of(tmp_path / "repository").items():
        assert str(template.path).encode() not in content, name
        assert str(tmp_path).encode() not in content, name


def test_answers_and_template_are_recorded(
    template: Template, context: RenderContext, tmp_path: Path
) -> None:
    render(template, {"run_as_user": 1234}, context, tmp_path)
    assert yaml.safe_load((tmp_path / ANSWERS_FILE).read_text()) == {
        "_src_path": template.id,
        "_commit": template.version,
        "project": context.variables(),
        **check_answers(template, {"run_as_user": 1234}),
    }
    marker = (tmp_path / MARKER_FILE).read_text()
    assert marked_project(marker) == UUID(int=1)
    assert yaml.safe_load(marker) == {
        "project": {"id": str(UUID(int=1)), "slug": "1e5"},
        "template": {"id": template.id, "version": template.version},
    }


def test_the_pipeline_checks_every_environment(
    template: Template, context: RenderContext, tmp_path: Path
) -> None:
    render(template, {}, context, tmp_path)
    pipeline = yaml.safe_load((tmp_path / ".gitlab-ci.yml").read_text())
    assert pipeline["manifests"]["stage"] in pipeline["stages"]
    assert pipeline["manifests"]["parallel"]["matrix"] == [{"ENVIRONMENT": ["dev", "no", "123"]}]


def test_rendering_starts_no_program(
    template: Template, context: RenderContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    render(template, {}, context, tmp_path)


def test_settings_of_the_user_for_copier_have_no_say(
    context: RenderContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.yml").write_text("defaults: {port: 9999}\ntrust: ['/']\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(tmp_path / "settings.yml"))
    render(get_template("web-service"), {}, context, tmp_path / "repository")
    assert b"9999" not in (tmp_path / "repository/deploy/base/deployment.yaml").read_bytes()


def test_a_fresh_clone_may_be_rendered_into(
    template: Template, context: RenderContext, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    render(template, {}, context, tmp_path)
    assert (tmp_path / "README.md").is_file()
    assert (tmp_path / ".git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_nothing_is_written_over(template: Template, context: RenderContext, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        render(template, {}, context, tmp_path)
    assert files_of(tmp_path) == {"README.md": b"mine"}


@pytest.mark.parametrize(
    ("answers", "field"),
    [({"image": "nginx"}, "image"), ({"environment_replicas": {"test": 1}}, "environment_replicas")],
)
def test_answers_are_checked_before_anything_is_written(
    context: RenderContext, tmp_path: Path, answers: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"template_answers.{field}"):
        render(get_template("web-service"), answers, context, tmp_path / "repository")
    assert list(tmp_path.iterdir()) == []


def test_renderings_side_by_side_do_not_mix(
    template: Template, context: RenderContext, tmp_path: Path
) -> None:
    def render_one(number: int) -> dict[str, bytes]:
        render(template, {"run_as_user": number}, context, tmp_path / str(number))
        return files_of(tmp_path / str(number))

    with ThreadPoolExecutor() as pool:
        together = list(pool.map(render_one, range(1, 5)))
    for number, files in enumerate(together, start=1):
        render(template, {"run_as_user": number}, context, tmp_path / "alone" / str(number))
        assert files_of(tmp_path / "alone" / str(number)) == files
