"""How the projects do as a whole, and how much GitLab still takes."""

from __future__ import annotations

from fastapi import APIRouter

from groundwork.web import schemas
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["health"])


@router.get("/health", responses=documented())
def get_health(context: ContextDep) -> schemas.Health:
    """Counts, times and what waits, from the records, as of now."""
    with context.records() as records:
        return schemas.Health.of(records.tally.figures())


@router.get("/health/gitlab", responses=documented())
async def get_gitlab_budget(context: ContextDep) -> schemas.GitLabBudget | None:
    """What is left of GitLab's rate limit; null where it states none."""
    return await context.apart(lambda: gitlab_budget(context))


def gitlab_budget(context: Context) -> schemas.GitLabBudget | None:
    with context.services() as services:
        found = services.gitlab.rate_limit()
    return schemas.GitLabBudget(limit=found.limit, remaining=found.remaining) if found else None
