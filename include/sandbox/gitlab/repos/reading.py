"""Reading a repository: refs, commits, trees, files, differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import pygit2
from pygit2 import Blob, Commit, Repository, Tag, Tree
from pygit2.enums import DeltaStatus, DiffFind, SortMode

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"


@dataclass(frozen=True)
class TreeEntry:
    """A file or folder of a tree: object id, full path, `tree`/`blob`/`commit`, six-digit mode."""

    id: str
    name: str
    path: str
    type: str
    mode: str


def branch(repo: Repository, name: str) -> Commit | None:
    """The commit a branch points to."""
    return _commit_at(repo, BRANCHES + name)


def tag_target(repo: Repository, name: str) -> tuple[Commit, str, str] | None:
    """A tag's commit, the object the ref names, and an annotated tag's message (else empty)."""
    reference = _reference(repo, TAGS + name)
    if reference is None:
        return None
    target = repo[reference.target]
    message = target.message.strip() if isinstance(target, Tag) else ""
    commit = _peel(reference)
    return (commit, str(reference.target), message) if commit else None


def has_branches(repo: Repository) -> bool:
    """Whether anything was ever committed. libgit2's own `is_empty` asks for its default branch name too."""
    return any(name.startswith(BRANCHES) for name in repo.references)


def branch_names(repo: Repository) -> list[str]:
    """All branch names, sorted."""
    return _names(repo, BRANCHES)


def tag_names(repo: Repository) -> list[str]:
    """All tag names, sorted."""
    return _names(repo, TAGS)


def tips(repo: Repository) -> list[Commit]:
    """The commits that branches and tags point to."""
    branches = [branch(repo, name) for name in branch_names(repo)]
    tags = [tag_target(repo, name) for name in tag_names(repo)]
    return [*(tip for tip in branches if tip), *(tag[0] for tag in tags if tag)]


def resolve(repo: Repository, ref: str | None, default: str | None) -> Commit | None:
    """The commit meant by a branch, tag or (short) hash; the default branch when none is given."""
    wanted = ref or default
    if not wanted:
        return None
    if wanted == "HEAD" and default:
        wanted = default
    for prefix in (BRANCHES, TAGS, ""):
        found = _commit_at(repo, prefix + wanted) if prefix or wanted.startswith("refs/") else None
        if found is not None:
            return found
    return _by_hash(repo, wanted)


def tree_at(commit: Commit, path: str) -> Tree | None:
    """The folder at a path of a commit."""
    if not path.strip("/"):
        return commit.tree
    entry = _entry(commit, path.strip("/"))
    return entry if isinstance(entry, Tree) else None


def blob_at(commit: Commit, path: str) -> Blob | None:
    """The file at a path of a commit."""
    entry = _entry(commit, path)
    return entry if isinstance(entry, Blob) else None


def entry_id(commit: Commit, path: str) -> str | None:
    """The object id at a path, to notice changes without reading them."""
    entry = _entry(commit, path)
    return str(entry.id) if entry is not None else None


def executable(commit: Commit, path: str) -> bool:
    """Whether the file at a path has its executable bit."""
    entry = _entry(commit, path)
    return entry is not None and entry.filemode == 0o100755


def listing(tree: Tree, folder: str, recursive: bool) -> Iterator[TreeEntry]:
    """Entries of a folder, folders first as GitLab lists them; recursively in depth-first order."""
    children = sorted(tree, key=lambda child: (not isinstance(child, Tree), child.name or ""))
    for child in children:
        name = child.name or ""
        path = f"{folder}/{name}" if folder else name
        kind = {"tree": "tree", "blob": "blob"}.get(child.type_str, "commit")
        yield TreeEntry(str(child.id), name, path, kind, f"{child.filemode:06o}")
        if recursive and isinstance(child, Tree):
            yield from listing(child, path, recursive)


def log(
    repo: Repository,
    start: Commit,
    *,
    path: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    first_parent: bool = False,
    exclude: list[Commit] | None = None,
    include: list[Commit] | None = None,
) -> Iterator[Commit]:
    """Commits reachable from `start`, or one of `include`, newest first, with GitLab's filters."""
    walker = repo.walk(start.id, SortMode.TIME if path is None else SortMode.TOPOLOGICAL)
    for other in include or []:
        walker.push(other.id)
    if first_parent:
        walker.simplify_first_parent()
    for other in exclude or []:
        walker.hide(other.id)
    for commit in walker:
        if since and commit.commit_time < since.timestamp():
            continue
        if until and commit.commit_time > until.timestamp():
            continue
        if path and not _touches(commit, path):
            continue
        yield commit


def last_commit_for(repo: Repository, start: Commit, path: str) -> Commit:
    """The newest commit that changed a path."""
    return next(islice(log(repo, start, path=path), 1), start)


def merge_base(repo: Repository, commits: list[Commit]) -> Commit | None:
    """The best common ancestor of two or more commits."""
    base = repo.merge_base_many([commit.id for commit in commits])
    found = repo.get(base) if base else None
    return found if isinstance(found, Commit) else None


def is_ancestor(repo: Repository, ancestor: Commit, descendant: Commit) -> bool:
    """Whether one commit is contained in the other."""
    return ancestor.id == descendant.id or repo.descendant_of(descendant.id, ancestor.id)


def difference(old: Commit | None, new: Commit) -> pygit2.Diff:
    """Changes from `old` (None: nothing) to `new`, renames found."""
    found = new.tree.diff_to_tree(swap=True) if old is None else old.tree.diff_to_tree(new.tree)
    if not isinstance(found, pygit2.Diff):
        raise TypeError("two trees always give a diff")
    found.find_similar(flags=DiffFind.FIND_RENAMES)
    return found


def changed_paths(diff: pygit2.Diff) -> tuple[list[str], list[str], list[str]]:
    """Paths added, modified and removed, as push events list them."""
    added, modified, removed = [], [], []
    for delta in diff.deltas:
        if delta.status == DeltaStatus.ADDED:
            added.append(delta.new_file.path)
        elif delta.status == DeltaStatus.DELETED:
            removed.append(delta.old_file.path)
        else:
            modified.append(delta.new_file.path)
    return added, modified, removed


def _names(repo: Repository, prefix: str) -> list[str]:
    return sorted(name.removeprefix(prefix) for name in repo.references if name.startswith(prefix))


def _reference(repo: Repository, name: str) -> pygit2.Reference | None:
    try:
        return repo.references.get(name)
    except (ValueError, pygit2.GitError):
        return None  # not a valid reference name


def _commit_at(repo: Repository, name: str) -> Commit | None:
    reference = _reference(repo, name)
    return _peel(reference) if reference is not None else None


def _peel(reference: pygit2.Reference) -> Commit | None:
    try:
        return reference.peel(Commit)
    except (ValueError, KeyError, pygit2.GitError):
        return None


def _by_hash(repo: Repository, text: str) -> Commit | None:
    if not 4 <= len(text) <= 40 or any(char not in "0123456789abcdef" for char in text.lower()):
        return None
    try:
        found = repo.get(text)
    except ValueError:
        return None
    if isinstance(found, Tag):
        return found.peel(Commit)
    return found if isinstance(found, Commit) else None


def _entry(commit: Commit, path: str) -> pygit2.Object | None:
    try:
        return commit.tree[path]
    except (KeyError, ValueError):
        return None


def _touches(commit: Commit, path: str) -> bool:
    here = entry_id(commit, path)
    if not commit.parents:
        return here is not None
    return all(entry_id(parent, path) != here for parent in commit.parents)
