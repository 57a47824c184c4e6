"""The GitLab project that holds a project's code: found, created, adopted, corrected, removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from groundwork.clients.gitlab import GitLab, GitLabProject, NewProject
from groundwork.errors import Conflict, WaitingError
from groundwork.model.changes import Action, Change, Difference, System
from groundwork.model.entities import Project, Repository
from groundwork.model.request import PendingDeletion, RepositoryRequest
from groundwork.resources import ownership
from groundwork.resources.differences import differences
from groundwork.resources.ownership import ADOPTED_TOPIC, Claim

KIND = "Repository"
_ARCHIVED = "archived"
_RESTORED_WITHIN = 1.0


@dataclass(frozen=True)
class AppliedRepository:
    """`created` is whether this call made it; `adopted` whether it was there before Groundwork."""

    project: GitLabProject
    created: bool

    @property
    def adopted(self) -> bool:
        return is_adopted(self.project)


def is_adopted(found: GitLabProject) -> bool:
    """Whether Groundwork took the repository over instead of creating it; then it is never deleted."""
    return ADOPTED_TOPIC in found.topics


def desired(project: Project, repository: Repository, group_id: int) -> NewProject:
    """What is asked of GitLab. No README: the template's commit is the first and makes the default branch."""
    return NewProject(
        group_id=group_id,
        path=project.slug,
        name=project.name,
        description=repository.description,
        visibility=repository.visibility,
        default_branch=repository.default_branch,
        topics=ownership.topics(project.id),
    )


def settings(project: Project, repository: Repository, *, adopted: bool) -> dict[str, Any]:
    """The settings Groundwork keeps as requested; of an adopted repository only that it can be written to."""
    if adopted:
        return {_ARCHIVED: False}
    return {
        "name": project.name,
        "description": repository.description,
        "visibility": repository.visibility,
        _ARCHIVED: False,
    }


def find(gitlab: GitLab, repository: Repository) -> GitLabProject | None:
    """The repository where it was recorded, also when it was renamed since; else what is at its path."""
    if repository.gitlab_id is not None:
        found = gitlab.projects.get(repository.gitlab_id)
        if found is not None:
            return found
    return gitlab.projects.find(repository.path)


def change(
    project: Project, repository: Repository, found: GitLabProject | None, choices: RepositoryRequest
) -> Change:
    """What is to be done so that `found` becomes the project's repository. Pure."""

    def made(action: Action, *differ: Difference, message: str = "") -> Change:
        return Change(System.GITLAB, "", KIND, repository.path, action, differ, message)

    claim = claim_on(project, repository, found)
    if found is None:
        wanted = settings(project, repository, adopted=False) | {"default_branch": repository.default_branch}
        return made(Action.CREATE, *differences(wanted, None))
    if claim is Claim.DOOMED:
        if choices.on_pending_deletion is PendingDeletion.RESTORE:
            return made(Action.RESTORE, message=f"is marked for deletion on {found.deletion_date}")
        return made(Action.CONFLICT, message=ownership.doomed_repository(found).message)
    if claim is Claim.FOREIGN:
        return _foreign(project, repository, found, choices, made)
    if found.path.lower() != repository.path.lower():
        message = f"was moved to {found.path}; move it back, or ask for a project there"
        return made(Action.CONFLICT, message=message)
    differ = _differences(project, repository, found)
    return made(Action.CHANGE if differ else Action.NONE, *differ)


def claim_on(project: Project, repository: Repository, found: GitLabProject | None) -> Claim:
    """Whose a GitLab project is. Where its topics name nobody, the id that was recorded when Groundwork made
    or adopted it is proof as well."""
    claim = ownership.claim_on_repository(found, project.id)
    if found is None or claim is not Claim.FOREIGN or found.id != repository.gitlab_id:
        return claim
    if ownership.project_of_topics(found.topics) not in (None, project.id):
        return claim
    return Claim.DOOMED if found.deletion_date else Claim.OURS


def _differences(project: Project, repository: Repository, found: GitLabProject) -> tuple[Difference, ...]:
    adopted = is_adopted(found) or (repository.gitlab_id == found.id and not repository.created_by_us)
    wanted = settings(project, repository, adopted=adopted)
    if not adopted and found.default_branch is not None:
        wanted["default_branch"] = repository.default_branch
    differ = differences(wanted, vars(found))
    marks = ownership.topics(project.id, adopted=adopted)
    if set(marks) <= set(found.topics):
        return differ
    return (*differ, Difference("topics", sorted(found.topics), sorted({*found.topics, *marks})))


def _foreign(
    project: Project,
    repository: Repository,
    found: GitLabProject,
    choices: RepositoryRequest,
    made: Callable[..., Change],
) -> Change:
    if not choices.adopt or ownership.project_of_topics(found.topics) is not None:
        return made(Action.CONFLICT, message=ownership.foreign_repository(repository.path).message)
    if found.default_branch not in (None, repository.default_branch):
        message = (
            f"has default branch {found.default_branch}: ask for it with that as repository.default_branch"
        )
        return made(Action.CONFLICT, message=message)
    marks = sorted({*found.topics, *ownership.topics(project.id, adopted=True)})
    return made(Action.ADOPT, Difference("topics", sorted(found.topics), marks))


def apply(
    gitlab: GitLab,
    project: Project,
    repository: Repository,
    choices: RepositoryRequest,
    creating: Callable[[str], None],
    changing: Callable[[Change], None] = lambda _: None,
) -> AppliedRepository:
    """Create the repository, adopt it if that was asked for, or correct the project's own.

    `creating` is told before one is created, `changing` before one that is there is changed. Raises
    `Conflict` for what `change` calls one.
    """
    found = find(gitlab, repository)
    if found is None:
        return _create(gitlab, project, repository, choices, creating, changing)
    return AppliedRepository(_correct(gitlab, project, repository, choices, found, changing), created=False)


def _create(
    gitlab: GitLab,
    project: Project,
    repository: Repository,
    choices: RepositoryRequest,
    creating: Callable[[str], None],
    changing: Callable[[Change], None],
) -> AppliedRepository:
    """POST /projects is not idempotent: when GitLab says the path is taken, an earlier attempt whose answer
    was lost may have made it, so it is looked up before it counts as a conflict."""
    group_path = repository.path.rpartition("/")[0]
    group = gitlab.groups.find(group_path)
    if group is None:
        raise Conflict(f"GitLab's group {group_path} is gone, or hidden from Groundwork's token.")
    creating(title(repository))
    try:
        return AppliedRepository(gitlab.projects.create(desired(project, repository, group.id)), created=True)
    except Conflict as taken:
        found = find(gitlab, repository)
        if found is None:
            raise Conflict(
                f"GitLab says that path or name of {repository.path} is taken, by something that Groundwork's"
                " token may not see. Choose another slug or name."
            ) from taken
        return AppliedRepository(
            _correct(gitlab, project, repository, choices, found, changing), created=False
        )


def _correct(
    gitlab: GitLab,
    project: Project,
    repository: Repository,
    choices: RepositoryRequest,
    found: GitLabProject,
    changing: Callable[[Change], None],
) -> GitLabProject:
    planned = change(project, repository, found, choices)
    if planned.action is Action.CONFLICT:
        raise Conflict(f"GitLab's project {repository.path}: {planned.message}")
    if planned.action is Action.NONE:
        return found
    changing(planned)
    if planned.action is Action.RESTORE:
        gitlab.projects.restore(found.id)
        raise WaitingError(f"GitLab is taking {repository.path} back from deletion.", _RESTORED_WITHIN)
    wanted = {item.field: item.desired for item in planned.differences}
    if wanted.pop(_ARCHIVED, None) is False:
        gitlab.projects.unarchive(found.id)
    return gitlab.projects.change(found.id, wanted) if wanted else gitlab.projects.get(found.id) or found


def title(repository: Repository) -> str:
    """What the repository is called in ledger and plan."""
    return f"{KIND}/{repository.path}"
