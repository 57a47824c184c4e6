"""Finding templates: the built-in ones, folders of one's own, and what is said when they cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.catalog import get_template, list_templates, template_ids
from groundwork.errors import InvalidRequest, Misconfigured
from groundwork.settings import get_settings

QUESTIONS = "project: {type: json, ask: false}\nport: {type: int, help: A port, default: 80}\n"
META = "title: Mine\ndescription: A template of my own\nversion: 2.0.1\n"


@pytest.fixture(autouse=True)
def _settings_read_anew() -> Iterator[None]:
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def make_template(folder: Path, meta: str = META, questions: str = QUESTIONS) -> Path:
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(meta)
    (folder / "copier.yml").write_text(questions)
    return folder


def test_built_in_templates_are_described_completely() -> None:
    templates = list_templates()
    assert [template.id for template in templates] == template_ids() == ["scheduled-worker", "web-service"]
    for template in templates:
        assert template.title
        assert template.description
        assert template.version == "1.0.0"
        for question in template.questions:
            assert question.help, question.name
            assert not question.required, question.name


def test_listing_imports_neither_copier_nor_jinja() -> None:
    """The catalog is read each time a DAG file is parsed."""
    program = (
        "import sys; from groundwork.catalog import list_templates; list_templates();"
        "print([name for name in ('copier', 'jinja2') if name in sys.modules])"
    )
    include = str(Path(__file__).parents[3] / "include")
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": include},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("as_json", [True, False])
def test_own_folders_are_added_to_the_catalog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    make_template(tmp_path / "one" / "mine")
    make_template(tmp_path / "two" / "another")
    (tmp_path / "one" / "notes").mkdir()
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    monkeypatch.setenv(
        "GROUNDWORK_CATALOG_PATHS", json.dumps(folders) if as_json else os.pathsep.join(folders)
    )
    assert template_ids() == ["another", "mine", "scheduled-worker", "web-service"]
    assert get_template("mine").version == "2.0.1"


def test_an_id_used_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_template(tmp_path / "web-service")
    monkeypatch.setenv("GROUNDWORK_CATALOG_PATHS", str(tmp_path))
    with pytest.raises(Misconfigured, match=r"'web-service' is used twice") as caught:
        template_ids()
    assert str(folder) in caught.value.message


def test_an_absent_catalog_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDWORK_CATALOG_PATHS", str(tmp_path / "gone"))
    with pytest.raises(Misconfigured, match=r"gone.*GROUNDWORK_CATALOG_PATHS"):
        list_templates()


@pytest.mark.parametrize(
    "template_id", ["", "web", "Web-Service", "../web-service", "web-service/", "a" * 5000, "\0", "{{ 1 }}"]
)
def test_an_unknown_template_is_refused_with_the_choices(template_id: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        get_template(template_id)
    (problem,) = caught.value.problems
    assert problem.field == "template_id"
    assert problem.rule.endswith("is not in the catalog; choose one of scheduled-worker, web-service")
    assert len(problem.rule) < 200


BROKEN = {
    "no title": ("description: x\nversion: 1.0.0\n", QUESTIONS, "template.yaml", "title"),
    "version not fixed": (META.replace("2.0.1", "latest"), QUESTIONS, "template.yaml", "version"),
    "unknown meta": (META + "colour: red\n", QUESTIONS, "template.yaml", "colour"),
    "credentials in the source": (
        META + "source: https://user:pass@git.example.com/t.git\n",
        QUESTIONS,
        "template.yaml",
        "source",
    ),
    "not YAML": (META, "a: [", "copier.yml", "not valid YAML"),
    "not a mapping": (META, "- a\n", "copier.yml", "mapping"),
    "an include": (META, "a: !include other.yml\n", "copier.yml", "not valid YAML"),
    "project not declared": (META, "port: {type: int}\n", "copier.yml", "'project'"),
    "tasks": (META, QUESTIONS + "_tasks: [touch /tmp/x]\n", "copier.yml", "_tasks"),
    "migrations": (META, QUESTIONS + "_migrations: [{command: id}]\n", "copier.yml", "_migrations"),
    "extensions": (META, QUESTIONS + "_jinja_extensions: [a.B]\n", "copier.yml", "_jinja_extensions"),
    "symlinks": (META, QUESTIONS + "_preserve_symlinks: true\n", "copier.yml", "_preserve_symlinks"),
    "a secret": (META, QUESTIONS + "pw: {type: str, default: x, secret: true}\n", "copier.yml", "secret"),
    "an unknown type": (META, QUESTIONS + "size: {type: big}\n", "copier.yml", "'size'"),
    "no type": (META, QUESTIONS + "size: {default: 1}\n", "copier.yml", "'size'"),
    "short form": (META, QUESTIONS + "size: 3\n", "copier.yml", "'size'"),
    "a bad name": (META, QUESTIONS + "Big-Size: {type: int}\n", "copier.yml", "Big-Size"),
    "computed default": (META, QUESTIONS + "a: {type: str, default: '{{ b }}'}\n", "copier.yml", "default"),
    "computed choices": (META, QUESTIONS + "a: {type: str, choices: '{{ b }}'}\n", "copier.yml", "choices"),
    "nested choices": (META, QUESTIONS + "a: {type: str, choices: {b: {value: c}}}\n", "copier.yml", "'a'"),
    "a bad option": (META, QUESTIONS + "a: {type: str, colour: red}\n", "copier.yml", "colour"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_broken_template_is_named_with_its_file(tmp_path: Path, case: tuple[str, str, str, str]) -> None:
    meta, questions, file, word = case
    make_template(tmp_path / "mine", meta, questions)
    with pytest.raises(Misconfigured) as caught:
        list_templates(tmp_path)
    assert "'mine'" in caught.value.message
    assert file in caught.value.message
    assert word in caught.value.message


def test_a_template_without_questions_file_is_named(tmp_path: Path) -> None:
    folder = make_template(tmp_path / "mine")
    (folder / "copier.yml").unlink()
    with pytest.raises(Misconfigured, match=r"'mine'.*copier\.yml"):
        get_template("mine", tmp_path)


def test_a_folder_with_a_bad_name_is_refused(tmp_path: Path) -> None:
    make_template(tmp_path / "My Template")
    with pytest.raises(Misconfigured, match=r"My Template.*lower-case"):
        list_templates(tmp_path)


def test_a_broken_template_does_not_stand_in_the_way_of_another(tmp_path: Path) -> None:
    make_template(tmp_path / "good")
    make_template(tmp_path / "bad", meta="title: only\n")
    assert get_template("good", tmp_path).title == "Mine"
