"""One template, as its `template.yaml` and `copier.yml` describe it. Reads files, renders nothing.

Of Copier's question format (https://copier.readthedocs.io/en/stable/configuring/#questions) the part is
accepted that can be described without rendering: fixed types, choices and defaults, and validators. Anything
else is refused by name, as are the features Copier itself calls unsafe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from groundwork.errors import Misconfigured

META_FILE = "template.yaml"
QUESTION_FILES = ("copier.yml", "copier.yaml")
# Not asked: every template declares it with `ask: false`, so that Copier keeps it with the answers.
PROJECT_QUESTION = "project"
TEMPLATE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

_QUESTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TYPES = {"str": str, "int": int, "float": float, "bool": bool, "json": object, "yaml": object}
_QUESTION_KEYS = {
    *("type", "help", "default", "choices", "multiselect", "validator", "multiline", "placeholder", "ask"),
}
_REFUSED_SETTINGS = (
    *("_tasks", "_migrations", "_jinja_extensions", "_external_data", "_secret_questions"),
    "_preserve_symlinks",
)


@dataclass(frozen=True)
class Choice:
    """One allowed answer and the words it is offered with."""

    label: str
    value: Any


@dataclass(frozen=True)
class Question:
    """One question. `type` is Copier's: str, int, float, bool, json or yaml.

    `required` means there is no `default`. `choices` is empty when anything that fits the type may be
    answered; with `multiselect` the answer is a list of them. `validator` is the Jinja expression that
    renders the rule an answer breaks, or nothing.
    """

    name: str
    type: str
    help: str
    default: Any
    required: bool
    choices: tuple[Choice, ...] = ()
    multiselect: bool = False
    multiline: bool = False
    validator: str = ""
    placeholder: str = ""


@dataclass(frozen=True)
class Template:
    """A template of the catalog. `path` is its folder, `source` where `copier update` is to find it."""

    id: str
    version: str
    title: str
    description: str
    questions: tuple[Question, ...]
    path: Path
    source: str
    envops: Mapping[str, Any] = field(default_factory=dict)


class _Meta(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=100)
    description: str = Field(min_length=1, max_length=1000)
    version: str = Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")
    source: str | None = Field(None, min_length=1, pattern=r"^(https?|ssh)://[^\s@]+\.git$")


def load_template(folder: Path) -> Template:
    """The template in `folder`, whose name is its id.

    Raises `Misconfigured`, naming the template and the file, when it cannot be used.
    """
    meta_file = folder / META_FILE
    if not TEMPLATE_ID.fullmatch(folder.name):
        raise _broken(folder, "its folder's name must be lower-case letters and digits joined by hyphens")
    try:
        meta = _Meta.model_validate(_read_mapping(meta_file))
    except ValidationError as error:
        rules = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_url=False)
        )
        raise _broken(meta_file, rules) from error
    question_file = next((folder / name for name in QUESTION_FILES if (folder / name).is_file()), None)
    if question_file is None:
        raise _broken(folder / QUESTION_FILES[0], "it does not exist")
    content = _read_mapping(question_file)
    _refuse_unsupported(question_file, content)
    return Template(
        id=folder.name,
        version=meta.version,
        title=meta.title,
        description=meta.description,
        questions=tuple(
            _question(question_file, name, details)
            for name, details in content.items()
            if not name.startswith("_") and name != PROJECT_QUESTION
        ),
        path=folder,
        source=meta.source or folder.name,
        envops=content.get("_envops", {}),
    )


def _broken(file: Path, why: str) -> Misconfigured:
    template = file.parent if file.suffix else file
    return Misconfigured(f"The template '{template.name}' cannot be used: {file}: {why}")


def _read_mapping(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(file, f"it cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise _broken(file, f"it is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise _broken(file, "it must be a mapping of names")
    return content


def _refuse_unsupported(file: Path, content: dict[str, Any]) -> None:
    refused = [name for name in _REFUSED_SETTINGS if content.get(name)]
    if refused:
        raise _broken(file, f"{', '.join(refused)} is not allowed in the catalog")
    if not isinstance(content.get("_envops", {}), dict):
        raise _broken(file, "_envops must be a mapping")
    project = content.get(PROJECT_QUESTION)
    if not isinstance(project, dict) or project.get("ask") is not False or project.get("type") != "json":
        raise _broken(
            file,
            f"it must declare '{PROJECT_QUESTION}' with `type: json` and `ask: false`; see docs/templates.md",
        )


def _question(file: Path, name: str, details: Any) -> Question:
    if not _QUESTION_NAME.fullmatch(name):
        raise _broken(file, f"the question '{name}' must be named with lower-case letters, digits and '_'")
    if not isinstance(details, dict):
        raise _broken(file, f"the question '{name}' must be a mapping with `type` and `help`")
    unknown = sorted(str(key) for key in set(details) - _QUESTION_KEYS)
    if unknown:
        raise _broken(file, f"the question '{name}' uses {', '.join(unknown)}, which is not supported")
    kind = details.get("type")
    if kind not in _TYPES:
        raise _broken(file, f"the question '{name}' must have one of the types {', '.join(_TYPES)}")
    default = details.get("default")
    dynamic = [key for key in ("choices", "default") if _is_expression(details.get(key))]
    if dynamic:
        raise _broken(file, f"the question '{name}' must have a fixed {dynamic[0]}, not a Jinja expression")
    return Question(
        name=name,
        type=kind,
        help=str(details.get("help", "")),
        default=default,
        required="default" not in details,
        choices=_choices(file, name, details.get("choices", [])),
        multiselect=bool(details.get("multiselect", False)),
        multiline=bool(details.get("multiline", False)),
        validator=str(details.get("validator", "")),
        placeholder=str(details.get("placeholder", "")),
    )


def _choices(file: Path, name: str, choices: Any) -> tuple[Choice, ...]:
    if isinstance(choices, dict):
        choices = list(choices.items())
    if not isinstance(choices, list):
        raise _broken(file, f"the choices of the question '{name}' must be a list or a mapping")
    pairs = [choice if isinstance(choice, list | tuple) else (choice, choice) for choice in choices]
    if any(len(pair) != 2 or isinstance(pair[1], list | dict) for pair in pairs):
        raise _broken(file, f"each choice of the question '{name}' must be a value, or a label and a value")
    return tuple(Choice(label=str(label), value=value) for label, value in pairs)


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)
