"""`reconcile_projects` in Airflow: a pass heals, asks before it heals much, and keeps no other waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

PATIENCE = 120.0
# The tests' settings let a pass repair one project unasked.
_ORGANIZATION = """
WITH organization AS (
    INSERT INTO organizations (slug, name) VALUES (%(slug)s, 'Test') RETURNING id
), membership AS (
    INSERT INTO memberships (organization_id, user_id)
    SELECT organization.id, users.id FROM organization, users WHERE username = 'demo'
)
INSERT INTO environments (organization_id, slug, name, cluster)
SELECT id, 'dev', 'Development', 'groundwork_cluster' FROM organization
"""
_FINDINGS = """
SELECT projects.slug, findings.class, findings.state, findings.outcome, reconcile_passes.run_id
FROM findings JOIN projects ON projects.id = findings.project_id
JOIN reconcile_passes ON reconcile_passes.id = findings.pass_id
JOIN organizations ON organizations.id = projects.organization_id
WHERE organizations.slug = %s
"""
_ANSWERS = """
SELECT action, actor FROM audit_events JOIN reconcile_passes ON reconcile_passes.id::text = details ->> 'pass'
WHERE run_id = %s
"""


@dataclass(frozen=True)
class Organization:
    """An organization of the test's own with synced projects, which no other test's pass looks at."""

    slug: str
    projects: list[str]
    kubectl: Callable[..., Any]
    database: Any

    def drift(self, *projects: str) -> None:
        """Open their closed networks."""
        patch = '{"spec": {"policyTypes": ["Ingress"]}}'
        for project in projects:
            self._policy(project, "patch", "--type=merge", "-p", patch)

    def healed(self) -> list[str]:
        """The projects whose network is closed."""
        found = {slug: self._policy(slug, "get")["spec"]["policyTypes"] for slug in self.projects}
        return [slug for slug, types in found.items() if types == ["Ingress", "Egress"]]

    def statuses(self) -> set[str]:
        rows = self.database.execute("SELECT status FROM projects WHERE slug = ANY (%s)", [self.projects])
        return {row["status"] for row in rows}

    def findings(self) -> dict[str, tuple[str, str]]:
        """State of what is wrong with each project, and the run that it belongs to."""
        rows = self.database.execute(_FINDINGS, [self.slug]).fetchall()
        return {row["slug"]: (row["state"], row["run_id"]) for row in rows}

    def _policy(self, project: str, verb: str, *arguments: str) -> Any:
        return self.kubectl(verb, "networkpolicy", "groundwork", "-n", f"project-{project}-dev", *arguments)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {}


@pytest.fixture
def organization(made: dict[str, Any], runs: Any, kubectl: Any, database: Any) -> Organization:
    """Made once; every test leaves it healed."""
    if not made:
        slug = f"o{uuid4().hex[:8]}"
        database.execute(_ORGANIZATION, {"slug": slug})
        slugs = [f"{slug}-{number}" for number in range(3)]
        started = [
            runs.start(
                {
                    "name": each,
                    "slug": each,
                    "user_id": "demo",
                    "organization_id": slug,
                    "repository": {"group_path": "platform"},
                    "template_id": "settings-only",
                    "environment_ids": ["dev"],
                }
            )
            for each in slugs
        ]
        assert [runs.wait(run_id).state for run_id in started] == ["success"] * len(slugs)
        made.update(slug=slug, projects=slugs)
    return Organization(**made, kubectl=kubectl, database=database)


@pytest.fixture
def passes(runs_of: Any) -> Any:
    return runs_of("reconcile_projects")


@pytest.fixture
def groundwork(sandbox: Any) -> Iterator[httpx.Client]:
    """Groundwork's own API as Airflow's administrator."""
    login = {"username": sandbox.airflow_user, "password": sandbox.airflow_password}
    with httpx.Client(base_url=sandbox.airflow_url, timeout=30, trust_env=False) as client:
        token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.base_url = f"{sandbox.airflow_url}/groundwork/api/v1/"
        yield client


def _question(groundwork: httpx.Client, run_id: str) -> dict[str, Any]:
    """What a run asks, as Groundwork's API shows it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        asked = groundwork.get("approvals").raise_for_status().json()
        for item in asked:
            if item["run_id"] == run_id:
                return dict(item)
        assert time.monotonic() < deadline, f"{run_id} asks nothing; {asked}"
        time.sleep(0.3)


def _answer(groundwork: httpx.Client, passes: Any, run_id: str, option: str) -> Any:
    """Answer what a run asks, until it has ended.

    Airflow asks once more where the answer came in the moment of the question: its scheduler then takes the
    end of the process that asked for the end of the one that goes on.
    """
    deadline = time.monotonic() + PATIENCE
    while passes.peek(run_id) not in ("success", "failed"):
        assert time.monotonic() < deadline, f"{run_id} has not ended"
        for question in groundwork.get("approvals").raise_for_status().json():
            if question["run_id"] == run_id:
                named = {key: question[key] for key in ("dag_id", "run_id", "task_id", "map_index")}
                answered = groundwork.post("approvals", json={**named, "option": option})
                assert answered.is_success or answered.status_code == httpx.codes.CONFLICT, answered.text
        time.sleep(0.5)
    return passes.wait(run_id)


@pytest.mark.timeout(600)
def test_a_pass_over_one_project_heals_it(
    passes: Any, organization: Organization, groundwork: httpx.Client
) -> None:
    slug = organization.projects[0]
    organization.drift(slug)
    done = passes.run({"project": slug})
    assert done.state == "success", done.tasks
    assert organization.healed() == organization.projects
    assert organization.findings()[slug] == ("healed", done.run_id)
    assert organization.statuses() == {"synced"}
    shown = groundwork.get(f"../../projects/{slug}").raise_for_status().text
    assert f'/dags/reconcile_projects/runs/{quote(done.run_id, safe="")}"' in shown


@pytest.mark.timeout(600)
def test_a_pass_with_much_to_repair_asks_and_does_not_if_the_answer_is_no(
    passes: Any, organization: Organization, groundwork: httpx.Client, database: Any
) -> None:
    organization.drift(*organization.projects)
    run_id = passes.start({"organization": organization.slug})
    question = _question(groundwork, run_id)
    assert question["subject"] == "Repair now? 3 projects need repair, more than the 1 allowed in one pass"
    assert question["body"].count("- drifted: NetworkPolicy groundwork of dev: spec.policyTypes") == 3
    assert question["options"] == ["Approve", "Reject"]
    assert organization.healed() == []
    assert organization.statuses() == {"drifted"}

    refused = _answer(groundwork, passes, run_id, "Reject")
    assert refused.state == "success", refused.tasks
    assert refused.states("repair") == {"": "skipped"}
    assert organization.healed() == []
    assert organization.statuses() == {"drifted"}
    told = database.execute(_FINDINGS, [organization.slug]).fetchall()
    assert {(row["state"], row["outcome"]) for row in told} == {("held", "its repair was not approved")}
    assert database.execute(_ANSWERS, [run_id]).fetchall() == [
        {"action": "reconcile.rejected", "actor": "admin"}
    ]

    again = passes.start({"organization": organization.slug})
    approved = _answer(groundwork, passes, again, "Approve")
    assert approved.state == "success", approved.tasks
    assert organization.healed() == organization.projects
    assert set(organization.findings().values()) == {("healed", again)}
    assert organization.statuses() == {"synced"}
    assert database.execute(_ANSWERS, [again]).fetchall() == [
        {"action": "reconcile.approved", "actor": "admin"}
    ]


@pytest.mark.timeout(600)
def test_a_pass_that_waits_keeps_no_other_from_its_work(
    passes: Any, organization: Organization, groundwork: httpx.Client
) -> None:
    first, second, third = organization.projects
    organization.drift(first, second)
    waiting = passes.start({"organization": organization.slug})
    _question(groundwork, waiting)

    later = passes.run({"organization": organization.slug})
    assert later.state == "success", later.tasks
    assert organization.healed() == [third]
    found = organization.findings()
    assert {found[slug] for slug in (first, second)} == {("awaiting_approval", waiting)}

    organization.drift(third)
    alone = passes.run({"project": third})
    assert alone.state == "success", alone.tasks
    assert organization.healed() == [third]

    organization.drift(third)
    more = passes.start({"organization": organization.slug})
    added = _question(groundwork, more)
    assert "3 projects need repair, with 2 that other passes have asked for" in added["subject"]
    assert added["body"].count("- drifted") == 1
    assert organization.findings()[first] == ("awaiting_approval", waiting)

    assert _answer(groundwork, passes, waiting, "Approve").state == "success"
    assert organization.healed() == [first, second]
    assert _answer(groundwork, passes, more, "Approve").state == "success"
    assert organization.healed() == organization.projects
    assert organization.statuses() == {"synced"}


@pytest.mark.timeout(600)
def test_a_waiting_pass_that_is_stopped_gives_up_what_it_asked_for(
    passes: Any, organization: Organization, groundwork: httpx.Client
) -> None:
    organization.drift(*organization.projects)
    given_up = passes.start({"organization": organization.slug})
    _question(groundwork, given_up)
    passes.mark_failed(given_up)
    assert passes.wait(given_up).states("finish") == {"": "success"}
    assert set(organization.findings().values()) == {("held", given_up)}
    assert organization.healed() == []

    next_one = passes.start({"organization": organization.slug})
    assert _answer(groundwork, passes, next_one, "Approve").state == "success"
    assert organization.healed() == organization.projects
