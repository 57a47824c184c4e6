"""A backup in an object store: whole before anything is removed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundwork.errors import Misconfigured, TemporaryError
from tests.driver import driver
from tests.object_store import ObjectStore, object_store

from .lifecycle import Lifecycle


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as made:
        yield made


@pytest.fixture(scope="module")
def life(sandbox_systems: Any, store: ObjectStore) -> Iterator[Lifecycle]:
    with driver(sandbox_systems, backup_location=store.location, removal_deadline=60) as made:
        yield Lifecycle(made)


def test_nothing_is_removed_before_the_backup_is_whole(
    life: Lifecycle, store: ObjectStore, kubectl: Any, tmp_path: Path
) -> None:
    project = life.project("dev")
    operation_id = life.accept(project, backup=True)
    place = f"groundwork/{project.slug}-{operation_id}"

    store.broken = f"/{place}/repository.bundle"
    with pytest.raises(TemporaryError, match=f"s3://{store.bucket}/{place}"):
        life.remove(operation_id)
    assert kubectl("get", "kustomization", project.slug, "-n", f"project-{project.slug}-dev", "-o", "json")
    assert f"{place}/SHA256SUMS" not in store.objects()

    store.broken = None
    life.remove(operation_id)
    assert life.close(operation_id).status == "succeeded"
    found = {key.rpartition("/")[2]: content for key, content in store.objects().items() if place in key}
    assert set(found) == {"SHA256SUMS", "manifests.yaml", "records.json", "repository.bundle"}
    assert json.loads(found["records.json"])["project"]["id"] == str(project.id)
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
    subprocess.run(["git", "clone", "--quiet", "repository.bundle", "clone"], cwd=tmp_path, check=True)
    assert (tmp_path / "clone" / "deploy" / "overlays" / "dev").is_dir()
    [told] = [entry for entry in life.records.ledger.steps(operation_id) if entry.step == "back_up"]
    assert told.result == {"location": f"s3://{store.bucket}/{place}", "files": sorted(found)}


def test_a_store_without_its_driver_is_refused_at_once(sandbox_systems: Any) -> None:
    with driver(sandbox_systems, backup_location="gs://bucket/prefix") as made:
        life = Lifecycle(made)
        project = life.project("dev")
        with pytest.raises(Misconfigured, match="gcsfs"):
            life.accept(project, backup=True)
        assert life.states(project)["project"] == "synced"
