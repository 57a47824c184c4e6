"""Where bare repositories lie and how they come and go.

A repository's folder has a random name that never changes, so renaming or moving a project touches
the database only. A folder exists before its project's row and outlives it; `sweep` removes what a
killed process left without a row.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

import pygit2
from pygit2.enums import Option


class RepositoryStorage:
    """The folder of all bare repositories."""

    def __init__(self, root: Path, default_branch: str) -> None:
        pygit2.option(Option.SET_OWNER_VALIDATION, False)
        self._root = root / "repositories"
        self._template = root / "repository-template"
        self._locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
        self._guard = threading.Lock()
        self._root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._template, ignore_errors=True)
        pygit2.init_repository(str(self._template), bare=True, initial_head=default_branch)
        for leftover in ("hooks", "info", "description"):
            _discard(self._template / leftover)

    def create(self) -> str:
        """Make an empty bare repository; returns its storage name."""
        name = uuid.uuid4().hex
        path = self.path(name)
        path.parent.mkdir(exist_ok=True)
        shutil.copytree(self._template, path)
        return name

    def path(self, name: str) -> Path:
        """The folder of a repository."""
        return self._root / name[:2] / f"{name}.git"

    def open(self, name: str) -> pygit2.Repository:
        """The repository for reading and writing. Not to be shared between threads."""
        return pygit2.Repository(str(self.path(name)))

    def remove(self, name: str) -> None:
        """Delete a repository; one that is gone already is fine."""
        shutil.rmtree(self.path(name), ignore_errors=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[pygit2.Repository]:
        """The repository, with no other API writer in it."""
        with self._guard:
            lock = self._locks.setdefault(name, _Lock())
        with lock.mutex:
            yield self.open(name)

    def sweep(self, known: set[str]) -> int:
        """Remove repositories that no project refers to; returns how many."""
        orphans = [path for path in self._root.glob("*/*.git") if path.stem not in known]
        for path in orphans:
            shutil.rmtree(path, ignore_errors=True)
        return len(orphans)


class _Lock:
    """A lock that can be referenced weakly."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
