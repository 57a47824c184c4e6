"""What is done about findings, and when a pass stops before doing it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from groundwork.errors import Misconfigured
from groundwork.model.changes import System
from groundwork.model.findings import (
    CHOOSABLE,
    MEANING,
    DecidedFinding,
    Finding,
    FindingClass,
    FindingState,
    Policy,
    policies,
)
from groundwork.operations.reconcile.decision import Brake, apart, braked, decide, held
from groundwork.operations.reconcile.environments import REFUSED_KIND

PROJECT = UUID(int=1)


def finding(each: FindingClass = FindingClass.DRIFTED, **changes: Any) -> Finding:
    values = {"system": System.CLUSTER, "kind": "ResourceQuota", "name": "x", "message": "y"}
    return Finding(each, **{"project_id": PROJECT, "scope": "dev", **values, **changes})


def states(*findings: Finding, **changes: Any) -> list[FindingState]:
    given: dict[str, Any] = {"policy": policies({}), "healed_lately": (), "gitlab_problem": None, **changes}
    return [item.state for item in decide(findings, **given)]


def test_every_class_has_a_meaning_and_a_policy() -> None:
    assert set(MEANING) == set(policies({})) == set(FindingClass)


def test_what_only_a_removal_or_a_person_could_settle_is_never_healed() -> None:
    for each in set(FindingClass) - CHOOSABLE:
        assert policies({})[each] is Policy.REPORT
        with pytest.raises(Misconfigured, match=each):
            policies({each: "heal"})


def test_a_policy_can_be_chosen() -> None:
    assert policies({"suspended": "heal", "drifted": "report"})[FindingClass.SUSPENDED] is Policy.HEAL
    with pytest.raises(Misconfigured, match="nonsense"):
        policies({"nonsense": "report"})


def test_what_needs_recording_only_is_healed_at_once() -> None:
    assert states(finding(FindingClass.STUCK), finding(FindingClass.DEAD_OPERATION)) == ["healed", "healed"]


@pytest.mark.parametrize("gone", [FindingClass.REPOSITORY_GONE, FindingClass.ZOMBIE])
def test_nothing_is_healed_of_a_project_without_its_repository(gone: FindingClass) -> None:
    lost = finding(gone, system=System.GITLAB, kind="Repository", scope="")
    assert states(lost, finding(), finding(project_id=UUID(int=2))) == ["open", "held", "open"]


def test_nothing_is_asked_of_a_gitlab_that_does_not_answer() -> None:
    needing = [
        finding(system=System.GITLAB, kind="Repository"),
        finding(FindingClass.MISSING, kind="Namespace"),
        finding(FindingClass.MISSING, kind="Secret"),
        finding(FindingClass.CREDENTIALS, kind=REFUSED_KIND),
    ]
    assert states(*needing, finding(), gitlab_problem="down") == [*["held"] * 4, "open"]


def test_credentials_refused_again_are_not_renewed_again() -> None:
    refused = finding(FindingClass.CREDENTIALS, kind=REFUSED_KIND)
    assert states(refused) == ["open"]
    assert states(refused, healed_lately={refused.key}) == ["held"]


def _projects(number: int) -> list[Finding]:
    return [finding(project_id=UUID(int=each), kind=kind) for each in range(number) for kind in ("A", "B")]


@pytest.mark.parametrize(
    ("affected", "projects", "stops"),
    [(3, 1000, False), (21, 1000, True), (20, 1000, False), (6, 20, True), (5, 6, False), (6, 30, False)],
)
def test_the_brake(affected: int, projects: int, stops: bool) -> None:
    decided = decide(_projects(affected), policies({}), (), None)
    reason = braked(decided, projects, Brake(projects=20, share=0.2))
    assert (reason is not None) is stops
    if reason:
        assert {item.state for item in held(decided, reason)} == {FindingState.AWAITING_APPROVAL}


def test_what_is_only_told_needs_no_brake() -> None:
    findings = [finding(FindingClass.FAILED, project_id=UUID(int=each)) for each in range(100)]
    assert braked(decide(findings, policies({}), (), None), 100, Brake(1, 0.01)) is None


def _repairs(*projects: int, kind: str = "A") -> list[DecidedFinding]:
    found = [finding(project_id=UUID(int=each), kind=kind) for each in projects]
    return decide(found, policies({}), (), None)


def test_what_another_pass_has_asked_for_stays_its_own() -> None:
    own, theirs = apart(_repairs(1, 2, 3), _repairs(2, 4))
    assert [item.finding.project_id for item in own] == [UUID(int=1), UUID(int=3)]
    assert [item.finding.project_id for item in theirs] == [UUID(int=2)]


@pytest.mark.parametrize(
    ("own", "theirs", "stops"),
    [([1], [2, 3], "with 2 that other passes"), ([1], [2], None), ([], [1, 2, 3], None), ([1, 2], [1], None)],
    ids=["more in all", "as many in all", "nothing of its own", "one of both counts once"],
)
def test_what_waits_already_counts(own: list[int], theirs: list[int], stops: str | None) -> None:
    reason = braked(_repairs(*own), 100, Brake(projects=2, share=1), _repairs(*theirs, kind="B"))
    assert (stops in reason) if stops and reason else reason is stops
