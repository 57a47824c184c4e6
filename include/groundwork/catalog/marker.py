"""The file in a repository that says which project it belongs to. Pure.

Groundwork writes it itself, so that no template can leave it out or fill it wrongly. It records the template
at the time of creation; the answers file follows later updates.
"""

from __future__ import annotations

from uuid import UUID

import yaml

MARKER_FILE = ".groundwork.yaml"

_HEADER = "# Groundwork made this repository and knows it by this file. Do not edit, move or remove it.\n"


def marker_text(project_id: UUID, slug: str, template_id: str, template_version: str) -> str:
    """The content of the marker."""
    content = {
        "project": {"id": str(project_id), "slug": slug},
        "template": {"id": template_id, "version": template_version},
    }
    return _HEADER + yaml.safe_dump(content, sort_keys=False)


def marked_project(text: str) -> UUID | None:
    """The id of the project that the marker `text` names, or None when it is not a marker."""
    try:
        return UUID(yaml.safe_load(text)["project"]["id"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return None
