"""What external jobs have said of a commit, taken together as GitLab shows it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sandbox.gitlab.entities.base import stamp
from sandbox.gitlab.services import routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.tables import Project
from sandbox.gitlab.store.work_tables import CommitStatus

_WORST_FIRST = ("failed", "canceled", "running", "pending", "success", "skipped")


def overall(unit: Unit, project: Project, sha: str) -> tuple[str | None, dict[str, Any] | None]:
    """A commit's status and its pipeline; both None when no job has said anything."""
    query = select(CommitStatus).where(CommitStatus.project_id == project.id, CommitStatus.sha == sha)
    rows = list(unit.db.execute(query.order_by(CommitStatus.id)).scalars())
    if not rows:
        return None, None
    states = {row.status for row in rows}
    status = next(state for state in _WORST_FIRST if state in states)
    last = rows[-1]
    address = f"{unit.server.url}/{routing.project_path(unit.db, project)}/-/pipelines/{last.pipeline_id}"
    return status, {
        "id": last.pipeline_id,
        "iid": last.pipeline_id,
        "project_id": project.id,
        "sha": sha,
        "ref": last.ref,
        "status": status,
        "source": "external",
        "created_at": stamp(rows[0].created_at),
        "updated_at": stamp(last.finished_at or last.started_at or last.created_at),
        "web_url": address,
    }
