"""Asking people to merge what Groundwork may not push onto the default branch itself."""

from __future__ import annotations

from groundwork.clients.gitlab import GitLab, MergeRequest
from groundwork.errors import Rejected
from groundwork.model.entities import Repository


def ask_to_merge(
    gitlab: GitLab, repository: Repository, gitlab_id: int, branch: str, title: str, description: str
) -> MergeRequest:
    """The merge request of `branch` into the default branch: the one there is, or else a new one.

    Raises `Rejected` for one that was closed without being merged.
    """
    asked = gitlab.repositories.merge_request(gitlab_id, branch)
    if asked is None:
        into = repository.default_branch
        asked = gitlab.repositories.open_merge_request(gitlab_id, branch, into, title, description)
    if asked.state == "closed":
        raise Rejected(
            f"Merge request {asked.web_url}, which brings Groundwork's files into {repository.path}, was"
            " closed without being merged. Reopen and merge it, then run this again."
        )
    return asked
