"""The list of projects as people look through it: searched, filtered, page by page. Only reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from groundwork.errors import InvalidRequest, Problem
from groundwork.model.entities import Project
from groundwork.model.statuses import Status
from groundwork.records import opening, rows
from groundwork.records.connection import Database, Row
from groundwork.records.references import as_id

# The text that is searched, as the index `projects_search_idx` holds it.
_SEARCHED: Final = """
to_tsvector('simple', regexp_replace(projects.slug || ' ' || projects.name, '[^[:alnum:]]+', ' ', 'g'))
"""
# Only the conditions that are asked for go into the statement, so that each has the plan that fits it.
_CONDITIONS: Final[dict[str, LiteralString]] = {
    "words": _SEARCHED + " @@ to_tsquery('simple', %(words)s)",
    "organization_id": "projects.organization_id = %(organization_id)s",
    "status": "projects.status = %(status)s",
    "template_id": "projects.template_id = %(template_id)s",
    "after": """(projects.created_at, projects.id) < (
        SELECT last.created_at, last.id FROM projects AS last WHERE last.id = %(after)s
    )""",
}
_PAGE: Final = """
WITH page AS (
    SELECT projects.* FROM projects WHERE {conditions}
    ORDER BY projects.created_at DESC, projects.id DESC
    LIMIT %(limit)s
)
SELECT page.*, organizations.slug AS organization_slug, organizations.name AS organization_name,
       repositories.path AS repository_path, repositories.web_url AS repository_url,
       (
           SELECT coalesce(json_agg(json_build_object('slug', environments.slug, 'status', own.status)
                                    ORDER BY own.created_at, environments.slug), '[]')
           FROM project_environments AS own JOIN environments ON environments.id = own.environment_id
           WHERE own.project_id = page.id
       ) AS environments
FROM page
JOIN organizations ON organizations.id = page.organization_id
LEFT JOIN repositories ON repositories.project_id = page.id
ORDER BY page.created_at DESC, page.id DESC
"""
_ORGANIZATION: Final = """
SELECT id FROM organizations WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s
"""
_BY_SLUG: Final = """
SELECT projects.*, organizations.slug AS organization_slug
FROM projects JOIN organizations ON organizations.id = projects.organization_id
WHERE projects.slug = %(slug)s
"""
_EXISTS: Final = "SELECT EXISTS (SELECT FROM projects WHERE id = %(id)s) AS found"
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ListedEnvironment:
    """How one environment of a listed project stands."""

    slug: str
    status: Status


@dataclass(frozen=True)
class ListedProject:
    """One line of the list. `repository_path` is None before the repository was recorded."""

    project: Project
    organization_slug: str
    organization_name: str
    repository_path: str | None
    repository_url: str | None
    environments: list[ListedEnvironment]


class Listing:
    """Pages through the projects, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        *,
        search: str = "",
        organization: str | None = None,
        status: Status | None = None,
        template_id: str | None = None,
        after: UUID | None = None,
        limit: int = 50,
    ) -> list[ListedProject]:
        """At most `limit` projects; `after` is the last one of the page before.

        `search` finds projects that have every one of its words as the beginning of a word of their slug or
        name. `organization` is an id or slug. Raises `InvalidRequest` for an organization or an `after` that
        does not exist.
        """
        with self._database.transaction() as transaction:
            asked: dict[str, object] = {"status": status, "template_id": template_id, "after": after}
            asked["words"] = query_of(search)
            if organization is not None:
                found = transaction.maybe(_ORGANIZATION, id=as_id(organization), reference=organization)
                if found is None:
                    raise InvalidRequest([Problem("organization", "is not an organization's id or slug")])
                asked["organization_id"] = found["id"]
            if after is not None and not transaction.one(_EXISTS, id=after)["found"]:
                raise InvalidRequest([Problem("after", "is not a project's id")])
            given = {name: value for name, value in asked.items() if value is not None}
            statement = page_statement(given)
            return [_listed(row) for row in transaction.all(statement, limit=limit, **given)]

    def slug_is_free(self, slug: str, organization: str | None = None) -> bool:
        """Whether a new project may have this slug now.

        One of the same organization (id or slug) that made nothing would give it up.
        """
        with self._database.transaction() as transaction:
            row = transaction.maybe(_BY_SLUG, slug=slug)
            if row is None:
                return True
            same = organization in (row["organization_slug"], str(row["organization_id"]))
            return same and opening.is_free(transaction, row)


def page_statement(given: dict[str, object]) -> LiteralString:
    """The statement for a page under these conditions, named as in `_CONDITIONS`. Pure."""
    conditions = " AND ".join([_CONDITIONS[name] for name in given]) or "true"
    return _PAGE.format(conditions=conditions)


def query_of(search: str) -> str | None:
    """`search` as a text query of word beginnings; None when it has no words. Pure."""
    words: list[str] = _WORDS.findall(search)
    return " & ".join(f"{word}:*" for word in words) or None


def _listed(row: Row) -> ListedProject:
    return ListedProject(
        project=rows.project(row),
        organization_slug=row["organization_slug"],
        organization_name=row["organization_name"],
        repository_path=row["repository_path"],
        repository_url=row["repository_url"],
        environments=[
            ListedEnvironment(item["slug"], Status(item["status"])) for item in row["environments"]
        ],
    )
