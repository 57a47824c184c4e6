"""What is done about each finding, and when a pass stops before doing it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from groundwork.model.changes import System
from groundwork.model.findings import DecidedFinding, Finding, FindingClass, FindingState, Policy
from groundwork.operations.reconcile.environments import REFUSED_KIND
from groundwork.resources import repository

# Without its repository in its place there is nothing that an environment could be put right with.
_NO_REPOSITORY = frozenset({FindingClass.REPOSITORY_GONE, FindingClass.ZOMBIE})
_WITH_TOKEN = frozenset({"Namespace", "Secret", "Credentials", REFUSED_KIND})
_IN_THE_RECORDS = frozenset({FindingClass.STUCK, FindingClass.DEAD_OPERATION})


@dataclass(frozen=True)
class Brake:
    """A pass that would repair more than `projects` projects, or more than `share` of them all, asks first.

    The share counts only above a handful, for one of two is half of all.
    """

    projects: int
    share: float


SHARE_COUNTS_ABOVE = 5


def decide(
    findings: Sequence[Finding],
    policy: Mapping[FindingClass, Policy],
    healed_lately: Collection[object],
    gitlab_problem: str | None,
) -> list[DecidedFinding]:
    """Policy and first state of every finding.

    `healed_lately` are the keys of findings that were healed a short while ago: credentials that are refused
    again are not renewed again. With a `gitlab_problem` nothing is repaired for which GitLab is needed.
    """
    gone = {item.project_id for item in findings if item.finding_class in _NO_REPOSITORY}
    gone |= {
        item.project_id
        for item in findings
        if item.finding_class is FindingClass.CONFLICT and item.kind == repository.KIND
    }
    return [
        _decided(item, policy[item.finding_class], item.project_id in gone, healed_lately, gitlab_problem)
        for item in findings
    ]


def _decided(
    finding: Finding,
    policy: Policy,
    repository_gone: bool,
    healed_lately: Collection[object],
    gitlab_problem: str | None,
) -> DecidedFinding:
    if policy is Policy.REPORT:
        return DecidedFinding(finding, policy, FindingState.OPEN)
    if finding.finding_class in _IN_THE_RECORDS:
        return DecidedFinding(finding, policy, FindingState.HEALED, "recorded as it is")
    if repository_gone:
        return DecidedFinding(finding, policy, FindingState.HELD, "its repository is not in its place")
    if finding.kind == REFUSED_KIND and finding.key in healed_lately:
        outcome = "renewed a short while ago and refused again: look at GitLab's side"
        return DecidedFinding(finding, policy, FindingState.HELD, outcome)
    if gitlab_problem and _needs_gitlab(finding):
        return DecidedFinding(finding, policy, FindingState.HELD, gitlab_problem)
    return DecidedFinding(finding, policy, FindingState.OPEN)


def _needs_gitlab(finding: Finding) -> bool:
    """Whether a repair asks something of GitLab: a deploy token goes into every namespace that is new."""
    return finding.system is System.GITLAB or finding.kind in _WITH_TOKEN


def apart(
    decided: Sequence[DecidedFinding], asked_for: Sequence[DecidedFinding]
) -> tuple[list[DecidedFinding], list[DecidedFinding]]:
    """What is this pass's to act on, and of `asked_for`, which other passes have asked to repair, what was
    found again: that stays theirs."""
    theirs = {item.finding.key for item in asked_for}
    found = {item.finding.key for item in decided}
    own = [item for item in decided if item.finding.key not in theirs]
    return own, [item for item in asked_for if item.finding.key in found]


def braked(
    decided: Sequence[DecidedFinding], projects: int, brake: Brake, theirs: Sequence[DecidedFinding] = ()
) -> str | None:
    """Why the repairs of a pass over so many projects are not begun without approval, or None.

    What other passes have asked for, `theirs`, counts: what is broken bit by bit is not repaired so either.
    """
    own = {item.finding.project_id for item in decided if is_repair(item)}
    if not own:
        return None
    asked_for = {item.finding.project_id for item in theirs} - own
    affected = len(own) + len(asked_for)
    besides = f", with {len(asked_for)} that other passes have asked for" if asked_for else ""
    if affected > brake.projects:
        return f"{affected} projects need repair{besides}, more than the {brake.projects} allowed in one pass"
    if affected > SHARE_COUNTS_ABOVE and affected > brake.share * projects:
        return (
            f"{affected} of {projects} projects need repair{besides}, more than the {brake.share:.0%} allowed"
            " in one pass"
        )
    return None


def held(decided: Sequence[DecidedFinding], reason: str) -> list[DecidedFinding]:
    """The findings with every repair waiting for approval."""
    return [
        replace(item, state=FindingState.AWAITING_APPROVAL, outcome=reason) if is_repair(item) else item
        for item in decided
    ]


def is_repair(item: DecidedFinding) -> bool:
    """Whether something in GitLab or a cluster is to be changed for a finding."""
    return item.policy is Policy.HEAL and item.state is FindingState.OPEN
