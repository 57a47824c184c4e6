"""git over HTTP. The only importer of GitPython.

The token reaches git as a header from the environment (git-config "GIT_CONFIG_COUNT"): it is in no URL, no
argument list and no file. Commits are reproducible: the same tree, author and time give the same id, which
is what lets a push that was cut off be told from somebody else's work.
"""

from __future__ import annotations

import base64
import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from git import Actor, GitCommandError, Repo
from git import Commit as ParentCommit
from git.cmd import Git as GitCommand

from groundwork.errors import Conflict, GroundworkError, NotAllowed, NotFound, Unavailable

_EXCERPT = 500


@dataclass(frozen=True)
class Commit:
    """What goes into a commit besides the tree."""

    branch: str
    message: str
    author: str
    email: str
    time: datetime


class Git:
    """git as the owner of one token. `timeout` is seconds per command."""

    def __init__(self, token: str, timeout: float) -> None:
        self._token = token
        self._timeout = timeout

    def remote_head(self, url: str, branch: str) -> str | None:
        """The commit a remote branch points to, or None if there is no such branch."""
        try:
            listing = GitCommand().ls_remote(url, f"refs/heads/{branch}", **self._options(url))
        except GitCommandError as error:
            raise _translated(error, f"list branches of {url}") from error
        return str(listing).split()[0] if listing else None

    def commit_tree(self, folder: Path, commit: Commit) -> str:
        """Make `folder` a repository with one commit of everything in it; answers the commit's id."""
        with closing(Repo.init(folder, initial_branch=commit.branch)) as repository:
            repository.git.add(all=True, force=True)
            return _commit(repository, commit, [])

    def commit_onto(self, folder: Path, commit: Commit, url: str, base: str) -> str:
        """As `commit_tree`, but on top of a remote branch, whose files stay and are never checked out."""
        with closing(Repo.init(folder, initial_branch=commit.branch)) as repository:
            try:
                repository.git.fetch(url, f"refs/heads/{base}", depth=1, **self._options(url))
            except GitCommandError as error:
                raise _translated(error, f"fetch {base} of {url}") from error
            repository.git.read_tree("FETCH_HEAD")
            repository.git.add(".", ignore_removal=True, force=True)
            return _commit(repository, commit, [repository.commit("FETCH_HEAD")])

    def push(self, folder: Path, url: str, branch: str) -> None:
        """Push `folder`'s commit to a branch, never forcing.

        Raises `Conflict` when the branch holds other commits, `NotAllowed` when the token or a branch
        protection refuses, `NotFound` for no such repository, `Unavailable` for everything that may pass.
        """
        with closing(Repo(folder)) as repository:
            try:
                repository.git.push("--porcelain", url, f"HEAD:refs/heads/{branch}", **self._options(url))
            except GitCommandError as error:
                raise _translated(error, f"push to {branch} of {url}") from error

    def bundle(self, url: str, file: Path) -> bool:
        """Write all branches and tags with their history into one file, which git can clone from.

        Source: git-bundle(1). False, and no file, if the repository is empty. Raises as `push`.
        """
        with tempfile.TemporaryDirectory(prefix="groundwork-") as folder:
            try:
                GitCommand().clone(url, folder, mirror=True, **self._options(url))
            except GitCommandError as error:
                raise _translated(error, f"clone {url}") from error
            with closing(Repo(folder)) as repository:
                if not repository.references:
                    return False
                repository.git.bundle("create", str(file), "--all")
                repository.git.bundle("verify", str(file))
        return True

    def _options(self, url: str) -> dict[str, Any]:
        return {"env": _environment(url, self._token), "kill_after_timeout": self._timeout}


def _commit(repository: Repo, commit: Commit, parents: list[ParentCommit]) -> str:
    actor = Actor(commit.author, commit.email)
    made = repository.index.commit(
        commit.message,
        parent_commits=parents,
        author=actor,
        committer=actor,
        author_date=commit.time,
        commit_date=commit.time,
        skip_hooks=True,
    )
    return str(made.hexsha)


def _environment(url: str, token: str) -> dict[str, str]:
    """git's environment: the credential for this server alone, and nothing of the machine's own settings."""
    server = urlsplit(url)
    credential = base64.b64encode(f"groundwork:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server.scheme}://{server.netloc}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {credential}",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def _translated(error: GitCommandError, doing: str) -> GroundworkError:
    # With --porcelain git says on stdout what became of a branch, and on stderr what the server told.
    said = " ".join(f"{error.stderr} {error.stdout}".split())[-_EXCERPT:]
    text = f"Could not {doing}: git said {said or 'nothing'}"
    if "Authentication failed" in said or "Access denied" in said or "not allowed to push" in said:
        return NotAllowed(f"{text}. Check the token's scope write_repository and its user's role.")
    if "pre-receive hook declined" in said:
        return NotAllowed(f"{text}. A rule of the GitLab server refuses the push.")
    if "non-fast-forward" in said or "fetch first" in said:
        return Conflict(f"{text}. The branch already holds other commits.")
    if "not found" in said.lower():
        return NotFound(text)
    return Unavailable(text)
