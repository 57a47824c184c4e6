"""Reads projects. They are made and taken over by `operations.open`; their state is derived."""

from __future__ import annotations

from uuid import UUID

from groundwork.errors import NotFound
from groundwork.model.entities import Project
from groundwork.model.statuses import Status
from groundwork.records import rows
from groundwork.records.connection import Database
from groundwork.records.references import as_id

_FIND = """
SELECT * FROM projects WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(reference)s
"""
_LIST = """
SELECT projects.*
FROM projects JOIN organizations ON organizations.id = projects.organization_id
WHERE (%(organization)s::text IS NULL OR organizations.slug = %(organization)s
       OR organizations.id = %(organization_id)s::uuid)
  AND (%(status)s::text IS NULL OR projects.status = %(status)s)
  AND (%(template_id)s::text IS NULL OR projects.template_id = %(template_id)s)
  AND (%(after)s::uuid IS NULL OR (projects.created_at, projects.id) < (
          SELECT last.created_at, last.id FROM projects AS last WHERE last.id = %(after)s
      ))
ORDER BY projects.created_at DESC, projects.id DESC
LIMIT %(limit)s
"""


class Projects:
    """Finds and lists projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, reference: str) -> Project | None:
        """The project of this id or slug."""
        with self._database.transaction() as transaction:
            row = transaction.maybe(_FIND, id=as_id(reference), reference=reference)
        return rows.project(row) if row else None

    def get(self, project_id: UUID) -> Project:
        """Raises `NotFound`."""
        project = self.find(str(project_id))
        if project is None:
            raise NotFound(f"There is no project {project_id} in the records.")
        return project

    def list(
        self,
        *,
        organization: str | None = None,
        status: Status | None = None,
        template_id: str | None = None,
        limit: int = 50,
        after: UUID | None = None,
    ) -> list[Project]:
        """Newest first; `organization` is an id or slug; `after` is the last project of the page before."""
        with self._database.transaction() as transaction:
            found = transaction.all(
                _LIST,
                organization=organization,
                organization_id=as_id(organization) if organization else None,
                status=status,
                template_id=template_id,
                limit=limit,
                after=after,
            )
        return [rows.project(row) for row in found]
