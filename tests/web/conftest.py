"""The API on the sandbox's Airflow, called as its accounts: they are named for their roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from groundwork.records import Records

ROLES = ("admin", "op", "user", "viewer")
Caller = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def tokens(sandbox: Any) -> dict[str, str]:
    """A token of each account."""
    found = {}
    with httpx.Client(base_url=sandbox.airflow_url, timeout=30, trust_env=False) as client:
        for role in ROLES:
            answer = client.post(
                "/auth/token", json={"username": role, "password": sandbox.airflow_password_of(role)}
            )
            found[role] = answer.raise_for_status().json()["access_token"]
    return found


@pytest.fixture(scope="session")
def caller(sandbox: Any, tokens: dict[str, str]) -> Iterator[Caller]:
    """A client for the API's version 1 as an account, or as nobody."""
    made: list[httpx.Client] = []

    def client(role: str | None = "admin", *, root: str = "/groundwork/api/v1") -> httpx.Client:
        headers = {"Authorization": f"Bearer {tokens[role]}"} if role else {}
        made.append(
            httpx.Client(
                base_url=f"{sandbox.airflow_url}{root}", headers=headers, timeout=60, trust_env=False
            )
        )
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def records(sandbox: Any) -> Iterator[Records]:
    """The sandbox's records, with the account `user` a member of the organization and `op` in none."""
    with Records(sandbox.database_url) as found:
        organization = found.directory.organization("platform")
        user = found.directory.ensure_user("user", "Una User")
        found.directory.ensure_membership(organization.id, user.id)
        yield found


@pytest.fixture
def slug() -> str:
    """A slug no other test uses."""
    return f"web-{uuid4().hex[:8]}"


@pytest.fixture
def body(slug: str) -> dict[str, Any]:
    """A request that is fine as it is."""
    return {
        "name": f"Project {slug}",
        "slug": slug,
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": "platform"},
        "template_id": "settings-only",
        "environment_ids": ["dev"],
    }
