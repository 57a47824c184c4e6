"""The overlays of environments that join a project later, on the repository's default branch.

Only files that are not there are added, by a commit on top of what is; nothing of anybody's is changed. Where
the branch takes no pushes, people are asked to merge that commit.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from groundwork.clients.git import Commit, Git
from groundwork.clients.gitlab import GitLab
from groundwork.errors import Conflict, NotAllowed, NotFound, WaitingError
from groundwork.model.entities import Project, Repository
from groundwork.resources import kustomization, proposal, template
from groundwork.resources.applied import Creating
from groundwork.resources.template import AppliedTemplate, Content

# Kustomize takes each of these (its docs, "kustomization file").
_ENTRIES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LOOK_AGAIN = 2.0


def apply(
    gitlab: GitLab,
    git: Git,
    project: Project,
    repository: Repository,
    gitlab_id: int,
    content: Content,
    environments: Sequence[str],
    creating: Creating,
) -> AppliedTemplate:
    """Make sure that the default branch has an overlay for each of these environments, named by slug.

    `creating` is told a commit before it is pushed. Raises `NotFound` if there is no default branch, and
    `WaitingError` if somebody pushed at the same moment.
    """
    url, branch = repository.http_url or "", repository.default_branch
    head = git.remote_head(url, branch)
    if head is None:
        raise NotFound(f"{repository.path} has no branch {branch}: run initialize_project for it first.")
    folders = {slug: PurePosixPath(kustomization.overlay_path(slug)) for slug in environments}
    missing = {
        slug: folder
        for slug, folder in folders.items()
        if not any(_has(gitlab, gitlab_id, folder / name, head) for name in _ENTRIES)
    }
    if not missing:
        return AppliedTemplate(head)
    with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
        rendered, addition = template.render(content, Path(name)), Path(name) / "addition"
        for folder in missing.values():
            _copy_missing(gitlab, gitlab_id, head, rendered, folder, addition)
        revision = git.commit_onto(addition, _commit(project, list(missing), branch), url, branch)
        creating(template.title(revision))
        try:
            git.push(addition, url, branch)
        except Conflict as error:
            message = f"Somebody has pushed to {branch} of {repository.path} at the same moment."
            raise WaitingError(message, _LOOK_AGAIN) from error
        except NotAllowed:
            return _propose(gitlab, git, project, repository, gitlab_id, addition, list(missing), revision)
    return AppliedTemplate(revision)


def _has(gitlab: GitLab, gitlab_id: int, path: PurePosixPath, revision: str) -> bool:
    return gitlab.repositories.file_content(gitlab_id, str(path), revision) is not None


def _copy_missing(
    gitlab: GitLab, gitlab_id: int, head: str, rendered: Path, folder: PurePosixPath, addition: Path
) -> None:
    """Copy the files of an overlay that the repository does not have."""
    for file in sorted((rendered / folder).rglob("*")):
        path = file.relative_to(rendered)
        if file.is_file() and not _has(gitlab, gitlab_id, PurePosixPath(path), head):
            (addition / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, addition / path)


def _propose(
    gitlab: GitLab,
    git: Git,
    project: Project,
    repository: Repository,
    gitlab_id: int,
    addition: Path,
    environments: Sequence[str],
    revision: str,
) -> AppliedTemplate:
    """Put the commit on a branch of its own, unless an earlier try has done so, and ask for its merge."""
    url = repository.http_url or ""
    branch = f"groundwork/add-{'-'.join(environments)}"
    there = git.remote_head(url, branch)
    if there is None:
        git.push(addition, url, branch)
    asked = proposal.ask_to_merge(
        gitlab,
        repository,
        gitlab_id,
        branch,
        _subject(environments),
        f"The overlays of new environments of project {project.slug}."
        " They become synced once this is merged.",
    )
    return AppliedTemplate(there or revision, asked.web_url)


def _commit(project: Project, environments: Sequence[str], branch: str) -> Commit:
    return Commit(
        branch=branch,
        message=f"{_subject(environments)}\n\nProject: {project.id}\n",
        author=template.AUTHOR,
        email=template.EMAIL,
        time=datetime.now(UTC).replace(microsecond=0),
    )


def _subject(environments: Sequence[str]) -> str:
    noun = "environment" if len(environments) == 1 else "environments"
    return f"Add {noun} {', '.join(environments)}"
