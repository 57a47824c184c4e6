"""The catalog of templates: find them, describe their questions, check answers, render a repository.

A template is a folder with a `template.yaml`, a `copier.yml` and the files Copier renders
(docs/templates.md). Reading the catalog touches only the file system; Copier is imported when something is
rendered.
"""

from groundwork.catalog.answers import answers_schema, check_answers
from groundwork.catalog.context import RenderContext
from groundwork.catalog.library import get_template, list_templates, template_ids
from groundwork.catalog.marker import MARKER_FILE, marked_project
from groundwork.catalog.rendering import ANSWERS_FILE, render
from groundwork.catalog.template import Choice, Question, Template

__all__ = [
    "ANSWERS_FILE",
    "MARKER_FILE",
    "Choice",
    "Question",
    "RenderContext",
    "Template",
    "answers_schema",
    "check_answers",
    "get_template",
    "list_templates",
    "marked_project",
    "render",
    "template_ids",
]
