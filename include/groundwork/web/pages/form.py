"""The form of a new project, from the request's schema and the templates' questions. Pure.

Nothing about a field is said here a second time: titles, help, patterns and lengths are the model's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from groundwork.catalog import Question, Template
from groundwork.model.request import ProjectRequest


@dataclass(frozen=True)
class Field:
    """One text field of the request; `name` is its dotted path."""

    name: str
    title: str
    help: str
    required: bool
    pattern: str
    max_length: int | None
    default: str
    example: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Input:
    """One question of a template. `control` is text, number, area, checkbox, select, checkboxes or json.

    `value` is the default as the control shows it; options are pairs of label and value in JSON.
    """

    name: str
    title: str
    help: str
    control: str
    required: bool
    value: str
    checked: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    placeholder: str
    step: str


@dataclass(frozen=True)
class TemplateForm:
    """A template to choose, with its questions."""

    id: str
    title: str
    description: str
    version: str
    inputs: tuple[Input, ...]


def fields() -> dict[str, Field]:
    """The fields of the request by their dotted path."""
    schema = ProjectRequest.model_json_schema()
    definitions = schema["$defs"]
    repository = definitions["RepositoryRequest"]
    plain = {name: field for name, field in schema["properties"].items() if name != "repository"}
    found = [_field(name, details, schema, definitions) for name, details in plain.items()]
    found += [
        _field(f"repository.{name}", details, repository, definitions)
        for name, details in repository["properties"].items()
    ]
    return {field.name: field for field in found}


def of_template(template: Template) -> TemplateForm:
    """The questions of a template as inputs."""
    inputs = tuple(_input(question) for question in template.questions)
    return TemplateForm(template.id, template.title, template.description, template.version, inputs)


def _field(name: str, details: dict[str, Any], of: dict[str, Any], definitions: dict[str, Any]) -> Field:
    short = name.rpartition(".")[2]
    kind = details.get("$ref", "").rpartition("/")[2]
    options = definitions.get(kind, {}).get("enum", ())
    default = details.get("default")
    examples = details.get("examples") or [""]
    return Field(
        name=name,
        title=details.get("title") or short.replace("_", " ").capitalize(),
        help=details.get("description", ""),
        required=short in of.get("required", ()),
        pattern=details.get("pattern", ""),
        max_length=details.get("maxLength"),
        default=default if isinstance(default, str) else "",
        example=str(examples[0]),
        options=tuple(options),
    )


def _input(question: Question) -> Input:
    default = question.default
    return Input(
        name=question.name,
        title=question.name.replace("_", " ").capitalize(),
        help=question.help,
        control=_control(question),
        required=question.required,
        value=_shown(question, default),
        checked=tuple(json.dumps(item) for item in default) if isinstance(default, list) else (),
        options=tuple((choice.label, json.dumps(choice.value)) for choice in question.choices),
        placeholder=question.placeholder,
        step="1" if question.type == "int" else "any",
    )


def _control(question: Question) -> str:
    if question.choices:
        return "checkboxes" if question.multiselect else "select"
    if question.multiline and question.type == "str":
        return "area"
    kinds = {"str": "text", "int": "number", "float": "number", "bool": "checkbox"}
    return kinds.get(question.type, "json")


def _shown(question: Question, default: Any) -> str:
    if question.required:
        return ""
    if question.type == "str" and not question.choices:
        return str(default)
    return json.dumps(default, ensure_ascii=False)
