"""Templates that cannot be used: what is said, and that nothing of them is left."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from groundwork.catalog import (
    ANSWERS_FILE,
    MARKER_FILE,
    RenderContext,
    Template,
    get_template,
    marked_project,
    render,
)
from groundwork.errors import Misconfigured

# Copier leaves its listing of the template's folder open when it fails in the midst of it.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed scandir iterator:ResourceWarning")

ANSWERS_TEMPLATE = {"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}"}
BROKEN_FILES = {
    "syntax": ({"a/b.yaml.jinja": "{% if %}"}, "b.yaml.jinja"),
    "undefined": ({"a.yaml.jinja": "{{ nothing }}"}, "a.yaml.jinja"),
    "own include": ({"a.jinja": "{% include 'template/b.inc' %}", "b.inc": "{{ nothing }}"}, "b.inc"),
    "file name": ({"{{ nothing }}.yaml": ""}, "nothing"),
    "leaves the folder": ({"{{ _copier_conf.sep.join(['..', '..', 'outside']) }}": "x"}, "outside"),
    "absolute": ({"{{ _copier_conf.sep ~ 'outside' }}": "x"}, "outside"),
    "git hook": ({".git/hooks/pre-commit": "x"}, ".git"),
    "git below": ({"a/.GIT/config": "x"}, ".GIT"),
    "not text": ({"a.jinja": "\udcff"}, "template"),
}


@pytest.fixture(autouse=True)
def _listings_are_closed_here() -> Iterator[None]:
    yield
    gc.collect()


def make_template(root: Path, files: dict[str, str]) -> Template:
    folder = root / "catalog" / "mine"
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text("title: t\ndescription: d\nversion: 1.0.0\n")
    (folder / "copier.yml").write_text(
        "_subdirectory: template\n_envops: {undefined: jinja2.StrictUndefined}\n"
        "project: {type: json, ask: false}\n"
    )
    for name, content in files.items():
        path = folder / "template" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, errors="surrogateescape")
    return get_template("mine", root / "catalog")


@pytest.mark.parametrize("case", BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_broken_template_leaves_nothing_behind(
    context: RenderContext, tmp_path: Path, case: tuple[dict[str, str], str]
) -> None:
    files, named = case
    template = make_template(tmp_path, {**ANSWERS_TEMPLATE, **files})
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(Misconfigured) as caught:
        render(template, {}, context, work / "repository")
    assert "'mine'" in caught.value.message
    assert named in caught.value.message
    assert list(work.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalog", "work"]


def test_a_template_without_answers_file_is_refused(context: RenderContext, tmp_path: Path) -> None:
    template = make_template(tmp_path, {"README.md": "hello"})
    with pytest.raises(Misconfigured, match=rf"'mine'.*{ANSWERS_FILE}"):
        render(template, {}, context, tmp_path / "repository")


def test_a_link_out_of_the_template_is_refused(context: RenderContext, tmp_path: Path) -> None:
    template = make_template(tmp_path, ANSWERS_TEMPLATE)
    (tmp_path / "private").write_text("private")
    (template.path / "template" / "link").symlink_to(tmp_path / "private")
    with pytest.raises(Misconfigured, match="'mine'"):
        render(template, {}, context, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_a_template_cannot_forge_the_marker(context: RenderContext, tmp_path: Path) -> None:
    template = make_template(
        tmp_path,
        {**ANSWERS_TEMPLATE, MARKER_FILE: f"project: {{id: {UUID(int=9)}}}\n", "run.sh": "#!/bin/sh\n"},
    )
    (template.path / "template" / "run.sh").chmod(0o755)
    render(template, {}, context, tmp_path / "repository")
    assert marked_project((tmp_path / "repository" / MARKER_FILE).read_text()) == UUID(int=1)
    assert (tmp_path / "repository" / "run.sh").stat().st_mode & 0o111
