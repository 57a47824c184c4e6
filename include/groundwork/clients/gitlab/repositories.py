"""What is in a GitLab project's repository: files, commits, branches, merge requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from groundwork.clients.gitlab.transport import translated
from groundwork.clients.gitlab.types import CommitInfo, MergeRequest
from groundwork.errors import NotFound, Rejected

_UNKNOWN_REF = "Could not find ref"


class Repositories:
    """Reads repositories, and opens merge requests."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def file_content(self, project_id: int, path: str, ref: str) -> bytes | None:
        """A file's content at a branch or commit, or None if there is none."""
        try:
            with translated(f"read {path} at {ref} of project {project_id}"):
                content = self._project(project_id).files.raw(file_path=path, ref=ref)
        except NotFound:
            return None
        return bytes(content)

    def merge_base(self, project_id: int, revisions: tuple[str, str]) -> str | None:
        """The best common ancestor of two commits or branches, or None when they share none or one is
        unknown."""
        try:
            with translated(f"compare commits of project {project_id}"):
                base = self._project(project_id).repository_merge_base(list(revisions))
        except NotFound:
            return None
        except Rejected as refusal:
            if _UNKNOWN_REF not in refusal.message:
                raise
            return None
        return str(base["id"]) if isinstance(base, dict) and base.get("id") else None

    def commits(self, project_id: int) -> Iterator[CommitInfo]:
        """Every commit of every branch and tag, newest first; none for an empty repository."""
        try:
            with translated(f"list commits of project {project_id}"):
                listed = self._project(project_id).commits.list(
                    query_parameters={"all": True, "per_page": 100}, iterator=True
                )
                for commit in listed:
                    yield CommitInfo(commit.id, commit.title, commit.message, commit.committer_email)
        except NotFound:
            return

    def merge_request(self, project_id: int, branch: str) -> MergeRequest | None:
        """The newest merge request of a source branch, in whatever state."""
        with translated(f"list merge requests of project {project_id}"):
            found = self._project(project_id).mergerequests.list(
                source_branch=branch, order_by="created_at", sort="desc", get_all=False
            )
        return _merge_request(found[0]) if found else None

    def open_merge_request(
        self, project_id: int, branch: str, into: str, title: str, description: str
    ) -> MergeRequest:
        """Ask for `branch` to be merged `into` another. Raises `Conflict` if that is asked for already."""
        with translated(f"open a merge request from {branch} in project {project_id}"):
            return _merge_request(
                self._project(project_id).mergerequests.create(
                    {
                        "source_branch": branch,
                        "target_branch": into,
                        "title": title,
                        "description": description,
                        "remove_source_branch": True,
                    }
                )
            )

    def _project(self, project_id: int) -> Any:
        return self._api.projects.get(project_id, lazy=True)


def _merge_request(found: Any) -> MergeRequest:
    return MergeRequest(found.iid, found.state, found.web_url)
