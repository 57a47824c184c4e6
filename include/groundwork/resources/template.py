"""The template's content on the repository's default branch.

The commit is reproducible (tree, author and time are the project's own), so a push whose answer was lost is
recognised by its id, and nothing is ever pushed over somebody's commits. Into an adopted repository the
content goes by a merge request, which a person decides on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork import catalog
from groundwork.clients.git import Commit, Git
from groundwork.clients.gitlab import CommitInfo, GitLab
from groundwork.errors import Conflict
from groundwork.model.changes import Action, Change, System
from groundwork.model.entities import Project, Repository
from groundwork.resources import proposal
from groundwork.resources.applied import Creating

KIND = "Content"
AUTHOR = "Groundwork"
EMAIL = "groundwork@localhost"


@dataclass(frozen=True)
class Content:
    """What is rendered: a template, its complete answers, and the project they are for."""

    template: catalog.Template
    answers: dict[str, Any]
    context: catalog.RenderContext


@dataclass(frozen=True)
class AppliedTemplate:
    """`revision` is the commit to sync to.

    `merge_request` is the address of the one that has yet to be merged before the default branch has it.
    """

    revision: str
    merge_request: str | None = None


def context(
    project: Project, organization: str, url: str, default_branch: str, namespaces: Mapping[str, str]
) -> catalog.RenderContext:
    """What the template is rendered for; `organization` is its slug, `namespaces` are by environment."""
    return catalog.RenderContext(
        project_id=project.id,
        slug=project.slug,
        name=project.name,
        organization=organization,
        repository=url,
        default_branch=default_branch,
        namespaces=namespaces,
    )


def observe(
    gitlab: GitLab, head: str | None, project: Project, repository: Repository, gitlab_id: int
) -> str | None:
    """The commit to sync to if the default branch, now at `head`, holds the project's content; else None."""
    known = repository.state.revision
    if head is None:
        return None
    if known and gitlab.repositories.merge_base(gitlab_id, (known, head)) == known:
        return known
    return head if _holds_marker(gitlab, gitlab_id, head, project) else None


def change(gitlab: GitLab, git: Git, project: Project, repository: Repository, gitlab_id: int) -> Change:
    """What is to be done so that the default branch holds the project's content."""

    def made(action: Action, message: str = "") -> Change:
        return Change(System.GITLAB, "", KIND, repository.default_branch, action, message=message)

    head = git.remote_head(repository.http_url or "", repository.default_branch)
    if head is None:
        return made(Action.CREATE)
    if observe(gitlab, head, project, repository, gitlab_id) is not None:
        return made(Action.NONE)
    if repository.created_by_us:
        return made(Action.CONFLICT, _foreign(repository).message)
    return made(Action.ADOPT, "by a merge request")


def apply(
    gitlab: GitLab,
    git: Git,
    project: Project,
    repository: Repository,
    gitlab_id: int,
    content: Content,
    creating: Creating,
) -> AppliedTemplate:
    """Push the rendered template as the first commit of an empty default branch.

    A branch that already holds the project's content is left as it is. One that holds something else is
    asked to merge it if the repository was adopted, and else a `Conflict`. `creating` is told a commit before
    it is pushed.
    """
    url = content.context.repository
    head = git.remote_head(url, repository.default_branch)
    revision = observe(gitlab, head, project, repository, gitlab_id)
    if revision is not None:
        return AppliedTemplate(revision)
    if head is not None and not repository.created_by_us:
        return _propose(gitlab, git, project, repository, gitlab_id, content, creating)
    if head is not None:
        raise _foreign(repository)
    with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
        folder = render(content, Path(name))
        revision = git.commit_tree(folder, _commit(project, content.template, repository.default_branch))
        creating(title(revision))
        git.push(folder, url, repository.default_branch)
    return AppliedTemplate(revision)


def title(revision: str) -> str:
    """What the pushed commit is called in the ledger."""
    return f"Commit/{revision}"


def render(content: Content, parent: Path) -> Path:
    """Render into a new folder in `parent`. Raises as `catalog.render`."""
    folder = parent / "repository"
    catalog.render(content.template, content.answers, content.context, folder)
    return folder


def _propose(
    gitlab: GitLab,
    git: Git,
    project: Project,
    repository: Repository,
    gitlab_id: int,
    content: Content,
    creating: Creating,
) -> AppliedTemplate:
    """Put the content on a branch of its own, on top of the default branch, and ask for it to be merged."""
    url, branch = content.context.repository, f"groundwork/{content.template.id}"
    revision = git.remote_head(url, branch)
    if revision is None:
        with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
            folder = render(content, Path(name))
            commit = _commit(project, content.template, branch)
            revision = git.commit_onto(folder, commit, url, repository.default_branch)
            creating(title(revision))
            git.push(folder, url, branch)
    chosen = content.template
    asked = proposal.ask_to_merge(
        gitlab,
        repository,
        gitlab_id,
        branch,
        f"Add what template {chosen.id} brings",
        f"Files of template {chosen.id} {chosen.version} for project {project.slug}."
        " Its environments become synced once this is merged.",
    )
    return AppliedTemplate(revision, asked.web_url)


def _commit(project: Project, template: catalog.Template, branch: str) -> Commit:
    return Commit(
        branch=branch,
        message=f"Start from template {template.id} {template.version}\n\nProject: {project.id}\n",
        author=AUTHOR,
        email=EMAIL,
        time=project.created_at.replace(microsecond=0),
    )


def _foreign(repository: Repository) -> Conflict:
    return Conflict(
        f"Branch {repository.default_branch} of {repository.path} holds commits that are not the project's."
        " Nothing was pushed: empty the branch or choose another slug."
    )


def is_ours(commit: CommitInfo, project: Project) -> bool:
    """Whether Groundwork made a commit for this project. Pure.

    The committer tells it: one who amends or rebases a commit becomes its committer.
    """
    trailer = f"Project: {project.id}"
    return commit.committer_email == EMAIL and trailer in commit.message.splitlines()


def _holds_marker(gitlab: GitLab, gitlab_id: int, revision: str, project: Project) -> bool:
    marker = gitlab.repositories.file_content(gitlab_id, catalog.MARKER_FILE, revision)
    return marker is not None and catalog.marked_project(marker.decode(errors="replace")) == project.id
