"""Renders a template into a folder. The one module that imports Copier.

Rendering runs no program and reads nothing outside the template: Copier's unsafe features stay off, its
per-user settings are not read, and git is hidden from it, which it would otherwise start for every file.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import yaml

from groundwork.catalog.answers import check_answers
from groundwork.catalog.context import RenderContext
from groundwork.catalog.marker import MARKER_FILE, marker_text
from groundwork.catalog.template import PROJECT_QUESTION, Template
from groundwork.errors import Conflict, Misconfigured

ANSWERS_FILE = ".copier-answers.yml"

_one_at_a_time = Lock()


def render(template: Template, answers: dict[str, Any], context: RenderContext, destination: Path) -> None:
    """Write the repository's files to `destination`, a folder that is absent or empty but for `.git`.

    The same template, answers and context give the same bytes. Raises `InvalidRequest` for answers that do
    not pass `check_answers`, `Conflict` when something is in the way, and `Misconfigured`, naming the
    template and the file, when the template is broken; in each case `destination` is as before.
    """
    values = check_answers(template, answers, context)
    if destination.exists() and any(entry.name != ".git" for entry in destination.iterdir()):
        raise Conflict(f"The folder {destination} is not empty: nothing was rendered into it")
    destination.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=destination.parent, prefix=".render-") as folder:
        rendered = Path(folder, context.slug)  # the name is visible to templates, so it must not be random
        _copy(template, {**values, PROJECT_QUESTION: context.variables()}, rendered)
        _refuse_git_files(template, rendered)
        _name_source(template, rendered / ANSWERS_FILE)
        marker = marker_text(context.project_id, context.slug, template.id, template.version)
        (rendered / MARKER_FILE).write_text(marker, encoding="utf-8")
        destination.mkdir(exist_ok=True)
        for entry in rendered.iterdir():
            entry.rename(destination / entry.name)


def _copy(template: Template, data: dict[str, Any], destination: Path) -> None:
    import copier  # half a second: only who renders pays for it

    try:
        with _one_at_a_time, _without_git():
            copier.run_copy(
                str(template.path),
                destination,
                data,
                answers_file=ANSWERS_FILE,
                settings=copier.Settings(),
                defaults=True,
                overwrite=True,
                quiet=True,
                unsafe=False,
            )
    except Exception as error:
        file = _file_of(error, template.path)
        raise Misconfigured(f"The template '{template.id}' is broken: {file}: {error}") from error


@contextmanager
def _without_git() -> Iterator[None]:
    """Copier looks for git on plumbum's PATH, and works without it when it is not there."""
    from plumbum import local

    with local.env(PATH=""):
        yield


def _file_of(error: Exception, folder: Path) -> Path:
    """The innermost file of the template that the error passed through, or the template's folder."""
    frames = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [file for file in frames if file.is_relative_to(folder.resolve())]
    return inside[-1] if inside else folder


def _refuse_git_files(template: Template, rendered: Path) -> None:
    """A template must not bring hooks or settings of git into the repository it is pushed from."""
    found = next((file for file in rendered.rglob("*") if file.name.lower() == ".git"), None)
    if found:
        file = found.relative_to(rendered)
        raise Misconfigured(
            f"The template '{template.id}' is broken: it renders {file}, which belongs to git"
        )


def _name_source(template: Template, answers_file: Path) -> None:
    """Record where the template comes from, in place of the folder it was rendered from."""
    if not answers_file.is_file():
        raise Misconfigured(
            f"The template '{template.id}' is broken: it renders no {ANSWERS_FILE}; see docs/templates.md"
        )
    text = answers_file.read_text(encoding="utf-8")
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    recorded = {**yaml.safe_load(text), "_commit": template.version, "_src_path": template.source}
    body = yaml.safe_dump(recorded, allow_unicode=True, default_flow_style=False)
    answers_file.write_text(comments + body, encoding="utf-8")
