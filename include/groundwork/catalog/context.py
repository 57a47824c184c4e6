"""What a repository is rendered for: the project, beside the answers to the template's questions. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from groundwork.errors import InvalidRequest, Problem
from groundwork.model import names

_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class RenderContext:
    """The project as templates see it, under the name `project`.

    `organization` is its slug; `repository` the repository's http(s) URL without credentials; `namespaces`
    gives each environment's slug its namespace, in the order environments are to be listed.

    Raises `InvalidRequest` for values that have no place in a file or a path.
    """

    project_id: UUID
    slug: str
    name: str
    organization: str
    repository: str
    default_branch: str
    namespaces: Mapping[str, str]

    def __post_init__(self) -> None:
        rules = {
            "slug": names.slug_problem(self.slug),
            "name": names.name_problem(self.name),
            "organization_id": names.reference_problem(self.organization),
            "repository.url": _url_problem(self.repository),
            "repository.default_branch": names.branch_problem(self.default_branch),
            "environment_ids": _environments_problem(self.namespaces),
        }
        problems = [Problem(name, rule) for name, rule in rules.items() if rule]
        if problems:
            raise InvalidRequest(problems)

    @property
    def environments(self) -> list[str]:
        """The slugs of the environments."""
        return list(self.namespaces)

    def variables(self) -> dict[str, Any]:
        """The value of `project` in a template; plain JSON, kept in the answers file."""
        return {
            "id": str(self.project_id),
            "slug": self.slug,
            "name": self.name,
            "organization": self.organization,
            "repository": self.repository,
            "default_branch": self.default_branch,
            "environments": [
                {"name": name, "namespace": namespace} for name, namespace in self.namespaces.items()
            ],
        }


def _url_problem(url: str) -> str | None:
    if not re.fullmatch(r"https?://[^\s\x00-\x1f\x7f`]+", url):
        return "must be an http or https URL"
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        return "must be without credentials, query and fragment"
    return None


def _environments_problem(namespaces: Mapping[str, str]) -> str | None:
    if not namespaces:
        return "must name at least one environment"
    if any(names.slug_problem(name) for name in namespaces):
        return "must be slugs: lower-case letters and digits joined by single hyphens"
    if not all(_NAMESPACE.fullmatch(namespace) for namespace in namespaces.values()):
        return "must each have a namespace that Kubernetes allows"
    return None
