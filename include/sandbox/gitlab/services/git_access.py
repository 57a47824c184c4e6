"""Whether a git request over HTTP is allowed, and as whom. Texts from `Gitlab::GitAccess`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from sandbox.gitlab.errors import ApiError
from sandbox.gitlab.repos.pushes import Push
from sandbox.gitlab.rules.access import Role, git_scope_allows
from sandbox.gitlab.services import access, pushes, routing, tokens
from sandbox.gitlab.services.authentication import authenticate, basic_credentials
from sandbox.gitlab.services.server import Caller, Server, Unit
from sandbox.gitlab.store.tables import DeployToken, Project

DENIED = (
    "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was "
    "incorrect or you're required to use a token instead of a password. If a token was provided, it was "
    "either incorrect, expired, or improperly scoped. See {url}/help/topics/git/troubleshooting_git.md"
    "#error-on-git-fetch-http-basic-access-denied\n"
)
NOT_FOUND = "The project you were looking for could not be found or you don't have permission to view it.\n"
NO_DOWNLOAD = "You are not allowed to download code from this project.\n"
NO_UPLOAD = "You are not allowed to push code to this project.\n"
ARCHIVED = "You can't push code to an archived project.\n"


class GitRefused(Exception):
    """A refusal in plain text, as git clients show it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Granted:
    """A git request that may run: on which repository, as whom, and (when pushing) its push folder."""

    project_id: int
    storage: str
    caller: str
    push: Push | None


def grant(server: Server, path: str, authorization: str, write: bool, pushing: bool, reject: str) -> Granted:
    """Decide about a git request; raises `GitRefused`.

    `write` is set for everything that belongs to a push, `pushing` only for the push itself.
    """
    with server.database.read() as db:
        denied = GitRefused(401, DENIED.format(url=server.url))
        caller = _caller(db, authorization)
        if caller is None:
            raise denied
        unit = Unit(db, server, caller)
        project = _project(unit, path)
        if project is None or not _sees(unit, project):
            raise denied if caller.anonymous else GitRefused(404, NOT_FOUND)
        if write and caller.anonymous:
            raise denied
        if caller.token is not None and not git_scope_allows(caller.scopes, write):
            raise GitRefused(403, NO_UPLOAD) if git_scope_allows(caller.scopes, False) else denied
        _check_role(unit, project, write)
        push = None
        if pushing:
            rules = pushes.policy(unit, project, access.project_level(unit, project))
            user = caller.user
            push = server.pushes.begin(project.id, user.id if user else None, rules, reject)
        return Granted(project.id, project.storage, caller.label, push)


def _caller(db: Session, authorization: str) -> Caller | None:
    """The caller; an anonymous one without credentials, None for wrong credentials."""
    if not authorization:
        return Caller()
    credentials = basic_credentials(authorization)
    kind, _, value = authorization.partition(" ")
    secret = value.strip() if credentials is None and kind.lower() == "bearer" else None
    if credentials is not None:
        username, secret = credentials
        deploy = tokens.find_deploy_token(db, username, secret)
        if deploy is not None:
            return Caller(deploy_token=deploy, scopes=frozenset(deploy.scopes))
        if not username:
            return None
    try:
        return authenticate(db, secret) if secret else None
    except ApiError:
        return None


def _project(unit: Unit, path: str) -> Project | None:
    try:
        return routing.project_by_path(unit, path)
    except routing.MovedProject as moved:
        return unit.db.get(Project, moved.project_id)


def _sees(unit: Unit, project: Project) -> bool:
    deploy = unit.caller.deploy_token
    if deploy is None:
        return access.sees_project(unit, project)
    return project.visibility == "public" or _covers(deploy, project)


def _covers(deploy: DeployToken, project: Project) -> bool:
    if deploy.source_type == "project":
        return deploy.source_id == project.id
    return any(item.id == deploy.source_id for item in access.ancestors(project.namespace))


def _check_role(unit: Unit, project: Project, write: bool) -> None:
    deploy = unit.caller.deploy_token
    if deploy is not None:
        if write:
            raise GitRefused(403, NO_UPLOAD)
        if project.visibility != "public" and "read_repository" not in deploy.scopes:
            raise GitRefused(403, NO_DOWNLOAD)
        return
    if not access.may_read_code(unit, project):
        raise GitRefused(403, NO_DOWNLOAD)
    if not write:
        return
    if project.archived or project.marked_for_deletion_on is not None:
        raise GitRefused(403, ARCHIVED)
    if access.project_level(unit, project) < Role.DEVELOPER:
        raise GitRefused(403, NO_UPLOAD)
