"""Copies of files in a folder and in an S3 server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.clients.storage import SUMS, Storage
from groundwork.errors import Misconfigured, TemporaryError, Unavailable
from tests.object_store import ObjectStore, object_store

FILES = {"records.json": b"{}", "repository.bundle": b"\0\1\2" * 5_000_000}


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    return made


def test_a_copy_in_an_object_store_is_whole_and_the_same(store: ObjectStore, folder: Path) -> None:
    storage = Storage(f"{store.location}/same/")
    assert not storage.is_whole("a")
    storage.store("a", folder)
    assert storage.is_whole("a")
    assert storage.url("a") == f"s3://{store.bucket}/groundwork/same/a"
    assert storage.files("a") == [SUMS, *FILES]
    found = {key.rpartition("/")[2]: content for key, content in store.objects().items() if "/same/a/" in key}
    assert {name: found[name] for name in FILES} == FILES


def test_a_copy_in_a_folder_is_for_its_owner_only_and_can_be_checked(folder: Path, tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "backups"))
    storage.store("a", folder)
    place = tmp_path / "backups" / "a"
    assert storage.url("a") == str(place)
    assert storage.files("a") == [SUMS, *FILES]
    assert place.stat().st_mode & 0o077 == 0
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=place, check=True, capture_output=True)


@pytest.mark.parametrize("broken", [*FILES, SUMS])
def test_an_upload_that_breaks_is_not_whole_until_it_is_made_again(
    store: ObjectStore, folder: Path, broken: str
) -> None:
    storage, name = Storage(store.location), f"breaks-at-{broken}"
    store.broken = f"/{name}/{broken}"
    with pytest.raises(TemporaryError):
        storage.store(name, folder)
    assert not storage.is_whole(name)
    store.broken = None
    storage.store(name, folder)
    assert storage.is_whole(name)
    assert storage.files(name) == [SUMS, *FILES]


def test_a_store_that_does_not_answer_may_later(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="s3://"):
        Storage(store.location).store("a", folder)


@pytest.mark.usefixtures("store")
def test_a_bucket_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(Misconfigured, match="s3://no-such-bucket/a"):
        Storage("s3://no-such-bucket").store("a", folder)


def test_a_folder_that_cannot_be_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="file/backups"):
        Storage(str(tmp_path / "file" / "backups")).store("a", folder)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("gs://bucket", "install gcsfs"),
        ("nonsense://bucket", "no store nonsense://"),
        ("s3://key:hidden@bucket", "holds a password"),
    ],
)
def test_a_location_nobody_can_store_in_is_refused(location: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told) as refused:
        Storage(location)
    assert "hidden" not in refused.value.message
