"""The GitLab project that holds a project's code."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from groundwork.clients.gitlab import GitLab, GitLabProject, NewProject
from groundwork.errors import Conflict
from groundwork.model.entities import Project, Repository
from groundwork.resources import ownership
from groundwork.resources.ownership import Claim


@dataclass(frozen=True)
class AppliedRepository:
    """`created` is whether this call made it."""

    project: GitLabProject
    created: bool


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


def require_ours_or_absent(found: GitLabProject | None, path: str, project_id: UUID) -> None:
    """Raises `Conflict` for somebody else's project, or one that is marked for deletion."""
    claim = ownership.claim_on_repository(found, project_id)
    if found is not None and claim is Claim.DOOMED:
        raise ownership.doomed_repository(found)
    if claim is Claim.FOREIGN:
        raise ownership.foreign_repository(path)


def observe(gitlab: GitLab, project: Project, repository: Repository) -> GitLabProject | None:
    """The project's repository if it exists. Raises `Conflict` as `require_ours_or_absent`."""
    found = gitlab.find_project(repository.path)
    require_ours_or_absent(found, repository.path, project.id)
    return found


def apply(gitlab: GitLab, project: Project, repository: Repository) -> AppliedRepository:
    """Create the repository, or go on with the project's own.

    POST /projects is not idempotent: when GitLab says the path is taken, an earlier attempt whose answer was
    lost may have made it, so it is looked up before it counts as a conflict.
    """
    found = observe(gitlab, project, repository)
    if found is not None:
        return AppliedRepository(found, created=False)
    group_path = repository.path.rpartition("/")[0]
    group = gitlab.find_group(group_path)
    if group is None:
        raise Conflict(f"GitLab's group {group_path} is gone, or hidden from Groundwork's token.")
    try:
        return AppliedRepository(gitlab.create_project(desired(project, repository, group.id)), created=True)
    except Conflict as taken:
        found = observe(gitlab, project, repository)
        if found is None:
            raise Conflict(
                f"GitLab says that path or name of {repository.path} is taken, by something that Groundwork's"
                " token may not see. Choose another slug or name."
            ) from taken
        return AppliedRepository(found, created=False)
