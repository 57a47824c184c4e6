"""The HTTP API, version 1, by subject. Reads come from the records, changes are DAG runs."""

from fastapi import APIRouter

from groundwork.web.api import approvals, changes, choices, health, projects, runs, stream

router = APIRouter(prefix="/api/v1")
for _part in (projects, changes, runs, stream, choices, approvals, health):
    router.include_router(_part.router)
