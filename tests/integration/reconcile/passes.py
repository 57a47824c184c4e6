"""Passes as `reconcile_projects` makes them, without Airflow, and what they write at the wire."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from groundwork.errors import Incomplete
from groundwork.model.findings import Pass
from groundwork.operations.reconcile import passes
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records.inventory import Selection
from sandbox.gitlab.faults import FaultClient

PATIENCE = 60.0
_KINDS = (
    "namespaces,serviceaccounts,rolebindings,resourcequotas,limitranges,networkpolicies,secrets,"
    "gitrepositories,kustomizations"
)
_READS = ("GET", "HEAD")


class Reconcile:
    """Runs passes, and reads their findings back from the tables."""

    def __init__(self, services: Services, sandbox: Any, database: Any, kubectl: Any) -> None:
        self.services = services
        self._sandbox = sandbox
        self._database = database
        self._kubectl = kubectl

    def observe(self, slug: str | None = None, *, services: Services | None = None, **selected: str) -> Pass:
        """Look and decide only."""
        run = Run("reconcile_projects", uuid4().hex, "tester")
        return passes.observe_and_decide(services or self.services, run, Selection(slug, **selected))

    def run(self, slug: str | None = None, *, services: Services | None = None) -> Pass:
        """A whole pass, over everything or one project. Raises `Incomplete` as its last task does."""
        used = services or self.services
        begun = self.observe(slug, services=used)
        if begun.held is None:
            self.repair(begun, services=used)
        return passes.finish(used, begun.id)

    def repair(self, begun: Pass, *, services: Services | None = None) -> None:
        used = services or self.services
        run = Run(begun.dag_id, begun.run_id, begun.triggered_by)
        passes.repair(used, begun.id, passes.projects_to_repair(used, begun.id), run)

    def incomplete(self, slug: str | None = None) -> str:
        """A whole pass that must end as incomplete; what it tells."""
        with pytest.raises(Incomplete) as told:
            self.run(slug)
        return told.value.message

    def findings(self, seen: Pass, slug: str | None = None) -> list[dict[str, Any]]:
        """The rows of what a pass has found, of one project or of all."""
        found: list[dict[str, Any]] = self._database.execute(
            "SELECT findings.* FROM findings LEFT JOIN projects ON projects.id = findings.project_id"
            " WHERE pass_id = %s AND (%s::text IS NULL OR projects.slug = %s) ORDER BY findings.id",
            [seen.id, slug, slug],
        ).fetchall()
        return found

    def classes(self, seen: Pass, slug: str | None = None) -> set[tuple[str, str]]:
        """Class and state of what a pass has found."""
        return {(item["class"], item["state"]) for item in self.findings(seen, slug)}

    def statuses(self, slug: str) -> dict[str, str]:
        """Status of each part of a project, by `repository`, `project` and `environment/kind`."""
        rows = self._database.execute(
            "SELECT 'project' AS part, status FROM projects WHERE slug = %(slug)s"
            " UNION ALL SELECT 'repository', r.status FROM repositories r"
            " JOIN projects p ON p.id = project_id WHERE p.slug = %(slug)s"
            " UNION ALL SELECT e.slug || '/' || g.kind, g.status FROM gitops_resources g"
            " JOIN project_environments pe ON pe.id = g.project_environment_id"
            " JOIN environments e ON e.id = pe.environment_id JOIN projects p ON p.id = pe.project_id"
            " WHERE p.slug = %(slug)s",
            {"slug": slug},
        ).fetchall()
        return {row["part"]: row["status"] for row in rows}

    def until_synced(self, slug: str) -> None:
        """Passes until the records say that everything is synced, without anybody's hand."""
        deadline = time.monotonic() + PATIENCE
        while set(self.statuses(slug).values()) != {"synced"}:
            assert time.monotonic() < deadline, self.statuses(slug)
            self.run(slug)
            time.sleep(0.3)

    @contextmanager
    def faults(self) -> Iterator[FaultClient]:
        """The GitLab server's switches, all off again afterwards."""
        with self._control() as control:
            try:
                yield control
            finally:
                control.clear()

    def writes(self, slug: str, work: Callable[[], object]) -> list[str]:
        """What `work` has written of one project: requests that change something in GitLab, by its own
        journal, and objects that have another resourceVersion in the cluster, other than what Flux wrote
        itself. Other tests write to projects of theirs meanwhile."""
        with self._control() as control:
            before, after = self._versions(slug), max((item.number for item in control.journal()), default=0)
            work()
            own = self._requests_about(slug)
            asked = [
                f"{item.method} {item.path}"
                for item in control.journal(after)
                if item.method not in _READS
                and own.match(item.path)
                # Fetching by git is a POST as well.
                and "upload-pack" not in item.path
            ]
        now = self._versions(slug)
        return asked + sorted(f"{key}" for key in {*before, *now} if before.get(key) != now.get(key))

    def _control(self) -> FaultClient:
        return FaultClient(self._sandbox.gitlab_url, self._sandbox.state.secret("gitlab_admin_token"))

    def _requests_about(self, slug: str) -> re.Pattern[str]:
        """Matches the paths of requests to GitLab that are about this project."""
        [row] = self._database.execute(
            "SELECT gitlab_id, path FROM repositories r JOIN projects p ON p.id = project_id"
            " WHERE p.slug = %s",
            [slug],
        ).fetchall()
        return re.compile(rf"/api/v4/projects/{row['gitlab_id']}(/|$)|/{re.escape(row['path'])}\.git/")

    def _versions(self, slug: str) -> dict[str, str]:
        """Every object of a project with what tells its last write by Groundwork's field manager."""
        items = self._kubectl(
            "get", _KINDS, "-A", "-l", f"groundwork.dev/project={slug}", "-o", "json", "--show-managed-fields"
        )["items"]
        found = {}
        for item in items:
            metadata = item["metadata"]
            name = f"{item['kind']}/{metadata.get('namespace', '')}/{metadata['name']}"
            ours = [entry for entry in metadata.get("managedFields", ()) if entry["manager"] == "groundwork"]
            # Flux writes the status of its own objects whenever it looks.
            flux = item["kind"] in ("GitRepository", "Kustomization")
            found[name] = (
                str((metadata["uid"], ours, metadata["generation"])) if flux else metadata["resourceVersion"]
            )
        return found
