"""The template's content on the repository's default branch.

The commit is reproducible (tree, author and time are the project's own), so a push whose answer was lost is
recognised by its id, and nothing is ever pushed over somebody's commits.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork import catalog
from groundwork.clients.git import Commit, Git
from groundwork.clients.gitlab import GitLab
from groundwork.errors import Conflict
from groundwork.model.entities import Project, Repository

_AUTHOR = "Groundwork"
_EMAIL = "groundwork@localhost"


@dataclass(frozen=True)
class Content:
    """What is rendered: a template, its complete answers, and the project they are for."""

    template: catalog.Template
    answers: dict[str, Any]
    context: catalog.RenderContext


@dataclass(frozen=True)
class AppliedTemplate:
    """`revision` is the commit to sync to; `created` is whether this call pushed it."""

    revision: str
    created: bool


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


def apply(
    gitlab: GitLab, git: Git, project: Project, repository: Repository, gitlab_id: int, content: Content
) -> AppliedTemplate:
    """Push the rendered template as the first commit of an empty default branch.

    A branch that already holds the project's content is left as it is. Raises `Conflict` when it holds
    something else.
    """
    url = content.context.repository
    head = git.remote_head(url, repository.default_branch)
    known = repository.state.revision
    if head and known and gitlab.merge_base(gitlab_id, (known, head)) == known:
        return AppliedTemplate(known, created=False)
    with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
        folder = Path(name) / "repository"
        catalog.render(content.template, content.answers, content.context, folder)
        revision = git.commit_tree(folder, _commit(project, repository, content.template))
        if head is None:
            git.push(folder, url, repository.default_branch)
            return AppliedTemplate(revision, created=True)
    if gitlab.merge_base(gitlab_id, (revision, head)) == revision:
        return AppliedTemplate(revision, created=False)
    if _holds_marker(gitlab, gitlab_id, head, project):
        return AppliedTemplate(head, created=False)
    raise Conflict(
        f"Branch {repository.default_branch} of {repository.path} holds commits that are not the project's."
        " Nothing was pushed: empty the branch or choose another slug."
    )


def _commit(project: Project, repository: Repository, template: catalog.Template) -> Commit:
    return Commit(
        branch=repository.default_branch,
        message=f"Start from template {template.id} {template.version}\n\nProject: {project.id}\n",
        author=_AUTHOR,
        email=_EMAIL,
        time=project.created_at.replace(microsecond=0),
    )


def _holds_marker(gitlab: GitLab, gitlab_id: int, revision: str, project: Project) -> bool:
    marker = gitlab.file_content(gitlab_id, catalog.MARKER_FILE, revision)
    return marker is not None and catalog.marked_project(marker.decode(errors="replace")) == project.id
