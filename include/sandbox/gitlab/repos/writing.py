"""Writing to a repository: commits of several actions, branches, tags, merges.

Every change of a ref compares what it replaces, so a push that came in between is never lost.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

import pygit2
from pygit2 import Commit, IndexEntry, Oid, Repository, Signature
from pygit2.enums import FileMode, ObjectType

from sandbox.gitlab.repos import reading


class WriteRefused(Exception):
    """A change that cannot be applied; the text is GitLab's."""


class RefMoved(WriteRefused):
    """The branch changed between reading and writing."""


@dataclass(frozen=True)
class Author:
    """Who a commit is by."""

    name: str
    email: str


@dataclass(frozen=True)
class Action:
    """One step of a commit. `action`: create, update, delete, move or chmod."""

    action: str
    file_path: str
    previous_path: str | None = None
    content: str | None = None
    encoding: str = "text"
    last_commit_id: str | None = None
    execute_filemode: bool | None = None


def commit_actions(
    repo: Repository,
    branch: str,
    base: Commit | None,
    actions: list[Action],
    message: str,
    author: Author,
    committer: Author,
    expected: Commit | None,
) -> Commit:
    """Apply all actions to `base` in one commit and put `branch` there.

    `expected` is where the branch must still be (None: it must not exist yet).
    Raises `WriteRefused` with GitLab's text and then changes nothing.
    """
    index = pygit2.Index()
    if base is not None:
        index.read_tree(base.tree)
    for action in actions:
        _apply(repo, index, base, action)
    tree = index.write_tree(repo)
    parents = [base.id] if base is not None else []
    return _commit(repo, branch, tree, parents, message, author, committer, expected)


def merge(
    repo: Repository, source: Commit, target: Commit, branch: str, message: str, author: Author, squash: bool
) -> Commit:
    """Merge (or squash) `source` into `branch`, which must still be at `target`."""
    tree = merged_tree(repo, source, target)
    if tree is None:
        raise WriteRefused("Branch cannot be merged")
    parents = [target.id] if squash else [target.id, source.id]
    return _commit(repo, branch, tree, parents, message, author, author, target)


def merged_tree(repo: Repository, source: Commit, target: Commit) -> Oid | None:
    """The tree that merging gives, or None when the two conflict."""
    index = repo.merge_commits(target, source)
    return None if index.conflicts else index.write_tree(repo)


def set_branch(repo: Repository, name: str, target: Oid, expected: Oid | None) -> None:
    """Put a branch somewhere, if it is still where it was expected (None: nowhere)."""
    reference = repo.references.get(reading.BRANCHES + name)
    found = reference.target if reference is not None else None
    if found != expected:
        raise RefMoved("Could not update branch. Please refresh and try again.")
    try:
        if reference is None:
            repo.references.create(reading.BRANCHES + name, target, force=False)
        else:
            reference.set_target(target)
    except pygit2.AlreadyExistsError:
        raise RefMoved("Could not update branch. Please refresh and try again.") from None
    except (ValueError, pygit2.GitError) as problem:
        raise WriteRefused(f"Could not update branch {name}: {problem}") from None


def create_branch(repo: Repository, name: str, target: Commit) -> None:
    """Make a branch; one that exists or a bad name raises `WriteRefused`."""
    if not valid_ref(reading.BRANCHES + name):
        raise WriteRefused("Branch name is invalid")
    if reading.branch(repo, name) is not None:
        raise WriteRefused("Branch already exists")
    set_branch(repo, name, target.id, None)


def create_tag(repo: Repository, name: str, target: Commit, message: str, tagger: Author) -> None:
    """Make a tag, annotated when a message is given."""
    if not valid_ref(reading.TAGS + name):
        raise WriteRefused("Tag name invalid")
    if reading.tag_target(repo, name) is not None:
        raise WriteRefused(f"Tag {name} already exists")
    if message:
        repo.create_tag(name, target.id, ObjectType.COMMIT, _signature(tagger), message)
    else:
        repo.references.create(reading.TAGS + name, target.id, force=False)


def delete_ref(repo: Repository, name: str) -> None:
    """Remove a ref that exists."""
    repo.references.delete(name)


def point_head(repo: Repository, branch: str) -> None:
    """Make a branch the default one for clones."""
    repo.set_head(reading.BRANCHES + branch)


def valid_ref(name: str) -> bool:
    """Whether git takes the ref name."""
    return bool(pygit2.reference_is_valid_name(name))


def _commit(
    repo: Repository,
    branch: str,
    tree: Oid,
    parents: list[Oid],
    message: str,
    author: Author,
    committer: Author,
    expected: Commit | None,
) -> Commit:
    if not valid_ref(reading.BRANCHES + branch):
        raise WriteRefused("Branch name is invalid")
    new = repo.create_commit(None, _signature(author), _signature(committer), message, tree, parents)
    set_branch(repo, branch, new, expected.id if expected is not None else None)
    made = repo[new]
    if not isinstance(made, Commit):
        raise TypeError("create_commit gives a commit")
    return made


def _signature(author: Author) -> Signature:
    moment = datetime.now().astimezone()
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    return Signature(
        _clean(author.name) or "unknown", _clean(author.email) or "unknown", int(moment.timestamp()), minutes
    )


def _clean(text: str) -> str:
    return "".join(char for char in text if char not in "<>\n\0").strip()


def _apply(repo: Repository, index: pygit2.Index, base: Commit | None, action: Action) -> None:
    path = _checked_path(action.file_path)
    if action.action == "create":
        _refuse(path in index, "A file with this name already exists")
        _refuse(_under_a_file(index, path) or _is_folder(index, path), "A file with this name already exists")
        index.add(IndexEntry(path, _blob(repo, action), FileMode.BLOB))
    elif action.action == "update":
        _existing(repo, index, base, path, action)
        index.add(IndexEntry(path, _blob(repo, action), index[path].mode))
    elif action.action == "delete":
        _existing(repo, index, base, path, action)
        index.remove(path)
    elif action.action == "move":
        _move(repo, index, base, path, action)
    elif action.action == "chmod":
        _existing(repo, index, base, path, action)
        mode = FileMode.BLOB_EXECUTABLE if action.execute_filemode else FileMode.BLOB
        index.add(IndexEntry(path, index[path].id, mode))
    if action.execute_filemode and action.action in ("create", "update"):
        index.add(IndexEntry(path, index[path].id, FileMode.BLOB_EXECUTABLE))


def _move(repo: Repository, index: pygit2.Index, base: Commit | None, path: str, action: Action) -> None:
    previous = _checked_path(action.previous_path or "")
    _existing(repo, index, base, previous, action)
    _refuse(path in index, "A file with this name already exists")
    entry = index[previous]
    content = entry.id if action.content is None else _blob(repo, action)
    index.remove(previous)
    index.add(IndexEntry(path, content, entry.mode))


def _existing(repo: Repository, index: pygit2.Index, base: Commit | None, path: str, action: Action) -> None:
    _refuse(path not in index, "A file with this name doesn't exist")
    if not action.last_commit_id or base is None:
        return
    last = reading.last_commit_for(repo, base, path)
    changed = not str(last.id).startswith(action.last_commit_id)
    _refuse(changed, "You are attempting to update a file that has changed since you started editing it.")


def _blob(repo: Repository, action: Action) -> Oid:
    content = action.content or ""
    if action.encoding != "base64":
        return repo.create_blob(content.encode())
    try:
        return repo.create_blob(base64.b64decode(content, validate=False))
    except (binascii.Error, ValueError):
        raise WriteRefused("Invalid base64 content") from None


def _checked_path(path: str) -> str:
    clean = path.lstrip("/")
    parts = clean.split("/")
    hostile = any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in path
    _refuse(
        not clean or hostile,
        "Path contains invalid path component" if clean else "You must provide a file path",
    )
    return clean


def _under_a_file(index: pygit2.Index, path: str) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:depth]) in index for depth in range(1, len(parts)))


def _is_folder(index: pygit2.Index, path: str) -> bool:
    return any(entry.path.startswith(path + "/") for entry in index)


def _refuse(condition: bool, text: str) -> None:
    if condition:
        raise WriteRefused(text)
