"""What GitLab shows and takes, as plain data. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MAINTAINER = 40


@dataclass(frozen=True)
class Group:
    """A group as GitLab shows it; `path` is the full one. In a `closed` one nobody may create projects."""

    id: int
    path: str
    visibility: str
    closed: bool


@dataclass(frozen=True)
class GitLabProject:
    """A repository as GitLab shows it; `path` is the full one.

    `deletion_date` is set once it is marked for deletion; GitLab has then renamed it. `default_branch` is
    None while the repository is empty.
    """

    id: int
    path: str
    name: str
    description: str
    visibility: str
    default_branch: str | None
    archived: bool
    http_url: str
    web_url: str
    topics: tuple[str, ...]
    deletion_date: str | None


@dataclass(frozen=True)
class RateLimit:
    """Requests the token may send in the present minute, and how many of them are left."""

    limit: int
    remaining: int


@dataclass(frozen=True)
class NewProject:
    """What a project is created with."""

    group_id: int
    path: str
    name: str
    description: str
    visibility: str
    default_branch: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class DeployToken:
    """`secret` is only known in the answer to its creation; `expires_at` is an ISO date-time or None."""

    id: int
    name: str
    username: str
    expires_at: str | None = None
    secret: str | None = None


@dataclass(frozen=True)
class CommitInfo:
    """A commit as GitLab lists it; `title` is the message's first line."""

    id: str
    title: str
    message: str
    committer_email: str


@dataclass(frozen=True)
class MergeRequest:
    """`state` is `opened`, `merged`, `closed` or `locked`."""

    iid: int
    state: str
    web_url: str


@dataclass(frozen=True)
class BranchProtection:
    """How a branch is protected."""

    allow_force_push: bool = False
