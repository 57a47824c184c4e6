"""How GitLab words what is wrong with parameters."""

from __future__ import annotations

from pydantic import ValidationError


def grape_text(problem: ValidationError) -> str:
    """Pydantic's findings as Grape words them: `name is missing, scopes is invalid`."""
    texts = []
    for error in problem.errors():
        name = ".".join(str(part) for part in error["loc"][:1]) or "parameters"
        texts.append(f"{name} {_reason(error['type'])}")
    return ", ".join(dict.fromkeys(texts))


def _reason(kind: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind in ("literal_error", "enum", "greater_than_equal", "less_than_equal"):
        return "does not have a valid value"
    if kind == "string_too_short":
        return "is empty"
    return "is invalid"
