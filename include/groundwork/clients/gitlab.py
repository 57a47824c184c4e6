"""GitLab's API. The only importer of python-gitlab and of the `requests` it stands on.

Answers are turned into small dataclasses and errors into ours. Nothing here sleeps or repeats: a 429 becomes
`QuotaExceeded` with the pause GitLab asked for, and the caller's scheduler waits. Sources: GitLab REST API
docs ("Projects", "Deploy tokens", "Rate limits").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gitlab
import requests
from gitlab.exceptions import GitlabError, GitlabParsingError

from groundwork.errors import (
    Conflict,
    GroundworkError,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Rejected,
    Unavailable,
)

MAINTAINER = 40
_EXCERPT = 300
_TOKEN = re.compile(r"\bgl[a-z]+-[\w.-]{8,}")


@dataclass(frozen=True)
class Group:
    """A group as GitLab shows it; `path` is the full one."""

    id: int
    path: str
    visibility: str


@dataclass(frozen=True)
class GitLabProject:
    """A repository as GitLab shows it; `deletion_date` is set once it is marked for deletion."""

    id: int
    path: str
    http_url: str
    web_url: str
    topics: tuple[str, ...]
    deletion_date: str | None


@dataclass(frozen=True)
class NewProject:
    """What `create_project` sends."""

    group_id: int
    path: str
    name: str
    description: str
    visibility: str
    default_branch: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class DeployToken:
    """`secret` is only known in the answer to its creation."""

    id: int
    name: str
    username: str
    secret: str | None = None


@dataclass(frozen=True)
class RateLimit:
    """Requests the token may send in the present minute, and how many of them are left."""

    limit: int
    remaining: int


class GitLab:
    """One GitLab server, as the owner of one token. `timeout` is seconds per answer."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        session = requests.Session()
        session.hooks["response"].append(_refuse_when_limited)
        self.url = url.rstrip("/")
        self._token = token
        self._api = gitlab.Gitlab(
            self.url, private_token=token, timeout=timeout, session=session, keep_base_url=True
        )

    @property
    def token(self) -> str:
        """The secret itself, for git over HTTP. Never log or store it."""
        return self._token

    def token_scopes(self) -> frozenset[str]:
        """The scopes of the token in use. Raises `NotAllowed` when it is not valid."""
        with _translated("look at its own token"):
            token = self._api.personal_access_tokens.get("self")
        return frozenset(token.scopes)

    def rate_limit(self) -> RateLimit | None:
        """How much of the rate limit is left, or None where GitLab sets none. Costs one request."""
        with _translated("read GitLab's version"):
            answer = self._api.http_request("get", "/version")
        limit, remaining = (answer.headers.get(f"RateLimit-{name}", "") for name in ("Limit", "Remaining"))
        return RateLimit(int(limit), int(remaining)) if limit.isdigit() and remaining.isdigit() else None

    def find_group(self, path: str) -> Group | None:
        """The group with this full path, or None if it does not exist or is hidden from the token."""
        try:
            with _translated(f"read group {path}"):
                group = self._api.groups.get(path, with_projects=False)
        except NotFound:
            return None
        return Group(group.id, group.full_path, group.visibility)

    def access_level(self, group: Group) -> int:
        """The token's user's role in the group, inherited ones included; 50 for administrators."""
        with _translated("read its own user"):
            self._api.auth()
            user = self._api.user
        if user is None:
            raise Unavailable("GitLab did not say whose token this is.")
        if getattr(user, "is_admin", False):
            return gitlab.const.OWNER_ACCESS
        try:
            with _translated(f"read its membership in group {group.path}"):
                return int(self._api.groups.get(group.id, lazy=True).members_all.get(user.id).access_level)
        except NotFound:
            return gitlab.const.NO_ACCESS

    def find_project(self, path: str) -> GitLabProject | None:
        """The project with exactly this full path, or None.

        GitLab answers the old path of a moved or deleted project with the project itself, so the answer's
        own path is compared (paths differ in more than case) before it counts.
        """
        try:
            with _translated(f"read project {path}"):
                project = self._api.projects.get(path)
        except NotFound:
            return None
        found = _project(project)
        return found if found.path.lower() == path.lower() else None

    def has_project_named(self, group: Group, name: str) -> bool:
        """Whether the group holds a project of this name; GitLab keeps names unique beside paths."""
        with _translated(f"list projects of group {group.path}"):
            found = self._api.groups.get(group.id, lazy=True).projects.list(
                search=name, simple=True, iterator=True
            )
            return any(project.name.lower() == name.lower() for project in found)

    def create_project(self, new: NewProject) -> GitLabProject:
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
        with _translated(f"create project {new.path}"):
            return _project(self._api.projects.create(values))

    def file_content(self, project_id: int, path: str, ref: str) -> bytes | None:
        """A file's content at a branch or commit, or None if there is none."""
        try:
            with _translated(f"read {path} at {ref} of project {project_id}"):
                content = self._project(project_id).files.raw(file_path=path, ref=ref)
        except NotFound:
            return None
        return bytes(content)

    def merge_base(self, project_id: int, revisions: tuple[str, str]) -> str | None:
        """The best common ancestor of two commits, or None when they share none or one is unknown."""
        try:
            with _translated(f"compare commits of project {project_id}"):
                base = self._project(project_id).repository_merge_base(list(revisions))
        except NotFound:
            return None
        return str(base["id"]) if isinstance(base, dict) and base.get("id") else None

    def deploy_tokens(self, project_id: int, name: str) -> list[DeployToken]:
        """The project's active deploy tokens of this name; GitLab does not keep names unique."""
        with _translated(f"list deploy tokens of project {project_id}"):
            tokens = self._project(project_id).deploytokens.list(iterator=True, active=True)
            return [
                DeployToken(token.id, token.name, token.username)
                for token in tokens
                if token.name == name and not token.revoked and not token.expired
            ]

    def create_deploy_token(self, project_id: int, name: str) -> DeployToken:
        """A new deploy token that may read the repository and nothing else."""
        with _translated(f"create deploy token {name} of project {project_id}"):
            token = self._project(project_id).deploytokens.create(
                {"name": name, "scopes": ["read_repository"]}
            )
        return DeployToken(token.id, token.name, token.username, token.token)

    def revoke_deploy_token(self, project_id: int, token_id: int) -> None:
        """Revoke a deploy token; one that is gone already is fine."""
        try:
            with _translated(f"revoke deploy token {token_id} of project {project_id}"):
                self._project(project_id).deploytokens.delete(token_id)
        except NotFound:
            return

    def _project(self, project_id: int) -> Any:
        return self._api.projects.get(project_id, lazy=True)


def _project(project: Any) -> GitLabProject:
    return GitLabProject(
        id=project.id,
        path=project.path_with_namespace,
        http_url=project.http_url_to_repo,
        web_url=project.web_url,
        topics=tuple(getattr(project, "topics", ())),
        deletion_date=getattr(project, "marked_for_deletion_on", None),
    )


def _refuse_when_limited(response: requests.Response, *_: Any, **__: Any) -> None:
    """Turn a 429 into our error here, where its headers are still known.

    GitLab sends Retry-After or leaves the pace to the caller, and a text or a JSON body.
    """
    if response.status_code != 429:
        return
    retry_after = response.headers.get("Retry-After", "")
    pause = float(retry_after) if retry_after.isdigit() else None
    raise QuotaExceeded("GitLab's rate limit is used up. It is tried again later.", pause)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except GitlabParsingError as error:
        raise Unavailable(f"Could not {doing}: GitLab did not answer in JSON.") from error
    except GitlabError as error:
        raise _meaning(error, doing) from error
    except requests.RequestException as error:
        raise Unavailable(f"Could not {doing}: GitLab does not answer ({type(error).__name__}).") from error


def _meaning(error: GitlabError, doing: str) -> GroundworkError:
    text = f"Could not {doing}: GitLab answered {error.response_code} {_scrubbed(str(error.error_message))}"
    match error.response_code:
        case 401 | 403:
            return NotAllowed(
                f"{text}. Check the token of Groundwork's GitLab connection and its user's role."
            )
        case 404:
            return NotFound(text)
        case 409:
            return Conflict(text)
        case 400 if "has already been taken" in str(error.error_message):
            return Conflict(text)
        case 400 | 405 | 406 | 412 | 422:
            return Rejected(text)
        case _:
            return Unavailable(text)


def _scrubbed(text: str) -> str:
    return _TOKEN.sub("[token]", text)[:_EXCERPT]
