"""Evaluates the Jinja validators of questions, in the environment Copier gives them, sandboxed.

Answers are values here and never source: what looks like Jinja in them stays text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundwork.catalog.template import Question, Template
from groundwork.errors import Misconfigured


class Validators:
    """The validators of one template."""

    def __init__(self, template: Template) -> None:
        # Imported here: parsing a DAG reads the catalog, but evaluates nothing.
        from jinja2 import StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment

        self._template = template
        options = {**template.envops, "undefined": StrictUndefined}
        # The same filters Copier offers: https://copier.readthedocs.io/en/stable/creating/#jinja-extensions
        extensions = ["jinja2_ansible_filters.AnsibleCoreFiltersExtension"]
        try:
            self._environment = SandboxedEnvironment(extensions=extensions, **options)
        except TypeError as error:
            raise Misconfigured(f"The template '{template.id}' has unusable _envops: {error}") from error

    def names(self, question: Question) -> set[str]:
        """The names of all answers the question's validator looks at, its own included."""
        from jinja2 import TemplateError, meta

        try:
            used = meta.find_undeclared_variables(self._environment.parse(question.validator))
        except TemplateError as error:
            raise self._broken(question, error) from error
        return {question.name, *used}

    def broken_rule(self, question: Question, values: Mapping[str, Any]) -> str | None:
        """The rule that the answer in `values` breaks, or None."""
        try:
            rendered = self._environment.from_string(question.validator).render(values)
        except Exception as error:
            raise self._broken(question, error) from error
        return " ".join(rendered.split()) or None

    def _broken(self, question: Question, error: Exception) -> Misconfigured:
        return Misconfigured(
            f"The template '{self._template.id}' is broken: the validator of '{question.name}' in "
            f"{self._template.path} fails: {error}"
        )
