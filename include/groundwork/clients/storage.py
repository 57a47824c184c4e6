"""Files kept in a folder, or in an object store such as `s3://bucket/prefix`. The only importer of fsspec.

Each store has a driver, a package of its own. Credentials are the driver's business, which finds them in its
environment (fsspec docs, "Configuration"; for S3 AWS's variables, files and roles): none is in a location.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec

from groundwork.errors import GroundworkError, Misconfigured, NotAllowed, Unavailable

SUMS = "SHA256SUMS"
"""The file that is written last, as sha256sum(1) reads it: a copy that has it is whole."""

_OWNER_ONLY = 0o700


class Storage:
    """What is kept under one location, a path or a URL.

    Raises `Misconfigured` for a location that holds a password, or that no installed driver serves. Calls may
    raise `NotAllowed`, `Misconfigured` if there is no such place, and `Unavailable` for all that may pass.
    """

    def __init__(self, location: str) -> None:
        scheme, separator, _ = location.partition("://")
        if separator and urlsplit(location).password:
            raise Misconfigured(
                "The location of backups holds a password. Leave it out: the driver of the store finds its"
                " credentials in its own environment."
            )
        self._location = location if separator else str(Path(location).expanduser().absolute())
        self._is_folder = not separator
        self._files = _driver(scheme if separator else "file")

    def url(self, name: str) -> str:
        """Where a copy of this name is."""
        return f"{self._location.rstrip('/')}/{name}"

    def is_whole(self, name: str) -> bool:
        """Whether a copy of this name is there, with all that belongs to it."""
        with self._translated(name):
            return bool(self._files.exists(f"{self.url(name)}/{SUMS}"))

    def files(self, name: str) -> list[str]:
        """The names of a copy's files."""
        with self._translated(name):
            found = self._files.ls(self.url(name), detail=False)
            return sorted(str(path).rpartition("/")[2] for path in found)

    def store(self, name: str, folder: Path) -> None:
        """Copy the files of a folder; what a broken try has left is replaced."""
        sums = folder / SUMS
        copied = sorted(folder.iterdir())
        sums.write_text("".join(f"{_sha256(file)}  {file.name}\n" for file in copied))
        with self._translated(name):
            if self._is_folder:
                Path(self.url(name)).mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
            for file in (*copied, sums):
                self._copy(file, f"{self.url(name)}/{file.name}")

    def _copy(self, file: Path, target: str) -> None:
        self._files.put_file(str(file), target)
        size = self._files.info(target)["size"]
        if size != file.stat().st_size:
            raise Unavailable(f"{target} has {size} bytes after it was stored, not {file.stat().st_size}.")

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        place = self.url(name)
        try:
            yield
        except GroundworkError:
            raise
        except PermissionError as error:
            raise NotAllowed(f"The store refuses {place}: {_said(error)}. Check the credentials.") from error
        except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
            raise Misconfigured(f"{place} cannot be stored or read: {_said(error)}.") from error
        except Exception as error:  # each driver has errors of its own
            raise Unavailable(f"The store does not take or give {place}: {_said(error)}.") from error


def _driver(scheme: str) -> Any:
    try:
        # Not one that an earlier call has made: it remembers what it has seen.
        return fsspec.filesystem(scheme, skip_instance_cache=True)
    except ImportError as error:
        raise Misconfigured(
            f"No driver for {scheme}:// is installed where Airflow's tasks run: {_said(error)}."
        ) from error
    except ValueError as error:
        raise Misconfigured(f"There is no store {scheme}://: {_said(error)}.") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _said(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
