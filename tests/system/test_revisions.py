"""A project whose repository has moved on: only the commit that is really applied counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def push_a_commit(git: Any, url: str, folder: Path) -> str:
    """Change the repository as a developer would; the new commit's id."""
    git("clone", "--quiet", url, ".", folder=folder)
    (folder / "NOTES.md").write_text("Written by a developer.\n")
    git("add", "NOTES.md", folder=folder)
    git("commit", "--quiet", "--message", "Add notes", folder=folder)
    git("push", "--quiet", folder=folder)
    return str(git("rev-parse", "HEAD", folder=folder))


def test_a_rerun_waits_for_and_records_the_commit_developers_pushed(
    sandbox: Any,
    runs: Any,
    request_body: Any,
    slug: str,
    database: Any,
    kubectl: Any,
    git: Any,
    tmp_path: Path,
) -> None:
    """Flux shows `Ready=True` of the template's commit all the while, and that must not pass."""
    body = {**request_body, "environment_ids": ["dev"]}
    assert runs.run(body).state == "success"
    project = database.execute("SELECT * FROM projects WHERE slug = %s", [slug]).fetchone()
    pushed = push_a_commit(git, f"{sandbox.gitlab_url}/platform/{slug}.git", tmp_path)

    assert runs.run({**body, "project_id": str(project["id"])}).state == "success"
    [environment] = database.execute(
        "SELECT * FROM project_environments WHERE project_id = %s", [project["id"]]
    ).fetchall()
    assert (environment["status"], environment["revision"]) == ("synced", pushed)
    [kustomization] = kubectl("get", "kustomizations", "-n", f"project-{slug}-dev")["items"]
    assert kustomization["status"]["lastAppliedRevision"] == f"main@sha1:{pushed}"
    repository = database.execute(
        "SELECT revision FROM repositories WHERE project_id = %s", [project["id"]]
    ).fetchone()
    assert repository["revision"] == project["revision"]
