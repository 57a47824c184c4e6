"""Answers to a template's questions: their JSON schema, and the check before anything is rendered.

Stricter than Copier, which casts: an answer must have its question's type, and text only visible characters.
Every problem is reported, each under `template_answers.<name>`.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from groundwork.catalog.context import RenderContext
from groundwork.catalog.expressions import Validators
from groundwork.catalog.template import PROJECT_QUESTION, Question, Template
from groundwork.errors import InvalidRequest, Problem

MAX_TEXT = 1000
MAX_INTEGER = 2**53 - 1  # the largest that every JSON reader keeps exact (RFC 8259, section 6)
MAX_DEPTH = 5
MAX_ITEMS = 200

FIELD = "template_answers"

_JSON_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
_JOINERS = "\u200c\u200d"  # parts of written words and emoji, unlike the other invisible characters


def answers_schema(template: Template) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a template's answers, for forms and the API.

    Every answer that `check_answers` accepts fits it; the validators' rules cannot be expressed in it.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": template.title,
        "description": template.description,
        "type": "object",
        "additionalProperties": False,
        "required": [question.name for question in template.questions if question.required],
        "properties": {question.name: _schema(question) for question in template.questions},
    }


def check_answers(
    template: Template, answers: dict[str, Any], context: RenderContext | None = None
) -> dict[str, Any]:
    """All answers, given and default, in the order of the questions.

    With `context`, rules that need the project's environments are checked too. Raises `InvalidRequest` with
    every problem, `Misconfigured` when a validator of the template is broken.
    """
    if not isinstance(answers, dict):
        raise InvalidRequest([Problem(FIELD, "must be an object of answers by question")])
    names = {question.name for question in template.questions}
    problems = [_unknown(name, names) for name in answers if name not in names]
    values: dict[str, Any] = {}
    for question in template.questions:
        value = answers.get(question.name, question.default)
        missing = question.required and question.name not in answers
        rule = "is required" if missing else _value_problem(question, value)
        if rule:
            problems.append(Problem(f"{FIELD}.{question.name}", rule))
        else:
            values[question.name] = value
    problems += _broken_rules(template, values, context)
    if problems:
        raise InvalidRequest(problems)
    return values


def _broken_rules(template: Template, values: dict[str, Any], context: RenderContext | None) -> list[Problem]:
    """Problems the validators find; one that looks at an answer already refused has nothing to say."""
    validators = Validators(template)
    unusable = {question.name for question in template.questions} - values.keys()
    known = {**values, PROJECT_QUESTION: context.variables()} if context else values
    problems = []
    for question in template.questions:
        if unusable and validators.names(question) & unusable:
            continue
        rule = validators.broken_rule(question, known)
        if rule:
            problems.append(Problem(f"{FIELD}.{question.name}", rule))
    return problems


def _unknown(name: Any, names: set[str]) -> Problem:
    asked = f"the template asks for {', '.join(sorted(names)) or 'nothing'}"
    if isinstance(name, str) and len(name) <= 64 and name.isascii() and name.isidentifier():
        return Problem(f"{FIELD}.{name}", f"is not a question; {asked}")
    return Problem(FIELD, f"has an answer to a question that does not exist; {asked}")


def _value_problem(question: Question, value: Any) -> str | None:
    if not question.multiselect:
        return _single_problem(question, value)
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return f"must be a list of at most {MAX_ITEMS} of {_offered(question)}"
    rules = (_single_problem(question, item) for item in value)
    return next((rule for rule in rules if rule), None)


def _single_problem(question: Question, value: Any) -> str | None:
    rule = _TYPE_RULES.get(question.type, _data_problem)(question, value)
    if rule or not question.choices:
        return rule
    if any(type(choice.value) is type(value) and choice.value == value for choice in question.choices):
        return None
    return f"must be {_offered(question)}"


def _offered(question: Question) -> str:
    return "one of " + ", ".join(str(choice.value) for choice in question.choices)


def _text_problem(question: Question, value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be text, not {_kind(value)}"
    return _characters_problem(value, "\n\t" if question.multiline else "")


def _integer_problem(_: Question, value: Any) -> str | None:
    if type(value) is not int:
        return f"must be a whole number, not {_kind(value)}"
    return None if abs(value) <= MAX_INTEGER else f"must be between -{MAX_INTEGER} and {MAX_INTEGER}"


def _number_problem(question: Question, value: Any) -> str | None:
    if type(value) is int:
        return _integer_problem(question, value)
    if type(value) is not float or not math.isfinite(value):
        return f"must be a number, not {_kind(value)}"
    return None


def _boolean_problem(_: Question, value: Any) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {_kind(value)}"


def _data_problem(question: Question, value: Any) -> str | None:
    expected = type(question.default)
    if isinstance(question.default, dict | list) and type(value) is not expected:
        return f"must be {_kind(question.default)}, not {_kind(value)}"
    return _nested_problem(question, value, MAX_DEPTH)


def _nested_problem(question: Question, value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return _text_problem(question, value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _number_problem(question, value)
    if not isinstance(value, dict | list):
        return f"must be JSON, but has {_kind(value)}"
    if depth == 0:
        return f"must be nested at most {MAX_DEPTH} deep"
    if len(value) > MAX_ITEMS:
        return f"must have at most {MAX_ITEMS} entries, but has {len(value)}"
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
        return "must have names of text"
    rules = (_nested_problem(question, part, depth - 1) for part in parts)
    return next((rule for rule in rules if rule), None)


def _characters_problem(text: str, allowed: str) -> str | None:
    if len(text) > MAX_TEXT:
        return f"must have at most {MAX_TEXT} characters, but has {len(text)}"
    hidden = next((char for char in text if _is_hidden(char) and char not in allowed), None)
    return f"must not contain the invisible character U+{ord(hidden):04X}" if hidden else None


def _is_hidden(char: str) -> bool:
    """Characters that are read differently by people and by YAML, shells or terminals."""
    category = unicodedata.category(char)
    noncharacter = ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
    return noncharacter or (category in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "something that is not JSON")


_KINDS: dict[type[Any], str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "nothing",
}


_TYPE_RULES = {
    "str": _text_problem,
    "int": _integer_problem,
    "float": _number_problem,
    "bool": _boolean_problem,
}


def _schema(question: Question) -> dict[str, Any]:
    schema: dict[str, Any] = {"title": question.name.replace("_", " ").capitalize()}
    if question.help:
        schema["description"] = question.help
    if not question.required:
        schema["default"] = question.default
    if question.multiselect:
        return {**schema, "type": "array", "maxItems": MAX_ITEMS, "items": _value_schema(question)}
    return {**schema, **_value_schema(question)}


def _value_schema(question: Question) -> dict[str, Any]:
    if question.choices:
        return {"oneOf": [{"const": choice.value, "title": choice.label} for choice in question.choices]}
    if question.type == "str":
        return {"type": "string", "maxLength": MAX_TEXT}
    if question.type in _JSON_TYPES:
        return {"type": _JSON_TYPES[question.type]}
    if isinstance(question.default, dict):
        return {"type": "object"}
    return {"type": "array"} if isinstance(question.default, list) else {}
