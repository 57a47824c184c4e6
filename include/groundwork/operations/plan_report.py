"""A plan as text and as JSON, the same wherever it is shown. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from groundwork.model.changes import Action, Change
from groundwork.operations.plan import Plan

_SIGNS = {
    Action.CREATE: "+",
    Action.ADOPT: "&",
    Action.CHANGE: "~",
    Action.RESTORE: "^",
    Action.WAIT: ".",
    Action.CONFLICT: "!",
}


def as_text(plan: Plan) -> str:
    """A line per change, its fields below it, then the problems, then the sum."""
    lines = [line for change in plan.pending for line in _change(change)]
    if plan.problems:
        lines += [
            *([""] if lines else []),
            "What stands in the way:",
            *(f"  {problem}" for problem in plan.problems),
        ]
    return "\n".join([*lines, *([""] if lines else []), _sum(plan)])


def as_json(plan: Plan) -> dict[str, Any]:
    """`changes` (those that are to be made), `problems`, and how many changes of each action."""
    return {
        "changes": [asdict(change) for change in plan.pending],
        "problems": [asdict(problem) for problem in plan.problems],
        "summary": _counts(plan),
    }


def _change(change: Change) -> list[str]:
    where = f"{change.system}/{change.scope}" if change.scope else change.system
    head = f"{_SIGNS[change.action]} {change.action:<8} {where}  {change.kind} {change.name}"
    told = f"{head}: {change.message}" if change.message else head
    return [told, *(f"      {difference}" for difference in change.differences)]


def _counts(plan: Plan) -> dict[str, int]:
    actions = [change.action for change in plan.pending]
    return {action: actions.count(action) for action in Action if action in actions}


def _sum(plan: Plan) -> str:
    counted = ", ".join(f"{number} to {action}" for action, number in _counts(plan).items())
    return f"Plan: {counted}." if counted else "Nothing to do."
