"""GitLab projects: found, made, changed, archived, marked for deletion, restored. Source: "Projects API"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundwork.clients.gitlab.transport import translated
from groundwork.clients.gitlab.types import GitLabProject, NewProject
from groundwork.errors import NotFound, Rejected

_PAGE = 100  # the most GitLab gives


class Projects:
    """Reads and changes projects."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def find(self, path: str) -> GitLabProject | None:
        """The project with exactly this full path, or None.

        GitLab answers the old path of a moved or deleted project with the project itself, so the answer's
        own path is compared (paths differ in more than case) before it counts.
        """
        found = self._read(path)
        return found if found and found.path.lower() == path.lower() else None

    def get(self, project_id: int) -> GitLabProject | None:
        """The project with this id, wherever it is now, or None if it is gone or hidden from the token."""
        return self._read(project_id)

    def owned(self, topic: str) -> Iterator[GitLabProject]:
        """Every project the token can see that carries a topic, by pages of 100 in the order of ids."""
        with translated(f"list projects of topic {topic}"):
            listed = self._api.projects.list(
                topic=topic, order_by="id", sort="asc", pagination="keyset", per_page=_PAGE, iterator=True
            )
            for project in listed:
                yield _project(project)

    def create(self, new: NewProject) -> GitLabProject:
        """Create an empty project. Raises `Conflict` when path or name are taken in the group."""
        values = {
            "name": new.name,
            "path": new.path,
            "namespace_id": new.group_id,
            "description": new.description,
            "visibility": new.visibility,
            "default_branch": new.default_branch,
            "topics": list(new.topics),
        }
        with translated(f"create project {new.path}"):
            return _project(self._api.projects.create(values))

    def change(self, project_id: int, values: dict[str, Any]) -> GitLabProject:
        """Set settings of a project, by GitLab's own names; answers it as it is then."""
        with translated(f"change project {project_id}"):
            self._api.projects.update(project_id, values)
            return _project(self._api.projects.get(project_id))

    def archive(self, project_id: int) -> None:
        """Make a project read-only; one that is archived already is fine."""
        with translated(f"archive project {project_id}"):
            self._lazy(project_id).archive()

    def unarchive(self, project_id: int) -> None:
        """Let a project be written to again."""
        with translated(f"unarchive project {project_id}"):
            self._lazy(project_id).unarchive()

    def mark_for_deletion(self, project_id: int) -> None:
        """Start GitLab's delayed deletion, which renames the project; one that is marked or gone is fine.

        Source: GitLab docs, "Delete a project": gone for good only after the retention period.
        """
        try:
            with translated(f"delete project {project_id}"):
                self._api.projects.delete(project_id)
        except NotFound:
            return
        except Rejected as refusal:
            if "already been marked for deletion" not in refusal.message:
                raise

    def remove_marked(self, project: GitLabProject) -> None:
        """Delete a marked project now. Raises `Rejected` where GitLab keeps it for its retention period."""
        with translated(f"delete project {project.path} for good"):
            self._api.projects.delete(project.id, permanently_remove=True, full_path=project.path)

    def restore(self, project_id: int) -> None:
        """Take a project back from deletion, to its old path. Raises `Conflict` if that is taken by now."""
        with translated(f"restore project {project_id}"):
            self._lazy(project_id).restore()

    def _read(self, reference: int | str) -> GitLabProject | None:
        try:
            with translated(f"read project {reference}"):
                return _project(self._api.projects.get(reference))
        except NotFound:
            return None

    def _lazy(self, project_id: int) -> Any:
        return self._api.projects.get(project_id, lazy=True)


def _project(project: Any) -> GitLabProject:
    return GitLabProject(
        id=project.id,
        path=project.path_with_namespace,
        name=project.name,
        description=project.description or "",
        visibility=project.visibility,
        default_branch=getattr(project, "default_branch", None),
        archived=bool(getattr(project, "archived", False)),
        http_url=project.http_url_to_repo,
        web_url=project.web_url,
        topics=tuple(getattr(project, "topics", ())),
        deletion_date=getattr(project, "marked_for_deletion_on", None),
    )
