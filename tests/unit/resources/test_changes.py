"""What is to be done to a thing, decided from how it is found and how it should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from groundwork.clients.gitlab import DeployToken, GitLabProject
from groundwork.model.changes import Action
from groundwork.model.entities import (
    Environment,
    Observation,
    Policy,
    Project,
    ProjectEnvironment,
    Repository,
)
from groundwork.model.request import PendingDeletion, RepositoryRequest
from groundwork.model.statuses import Status
from groundwork.resources import applied, credentials, namespace, ownership, repository
from groundwork.resources.target import Pace, Target

ID, OTHER = UUID(int=1), UUID(int=2)
PENDING = Observation(Status.PENDING, "Recorded")
PROJECT = Project(
    id=ID,
    organization_id=UUID(int=3),
    slug="shop",
    name="Shop",
    requested_by=UUID(int=4),
    template_id="web-service",
    template_version="1.0.0",
    template_answers={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    state=PENDING,
)
RECORDED = Repository(
    id=UUID(int=5),
    project_id=ID,
    path="platform/shop",
    visibility="private",
    default_branch="main",
    description="Sells",
    gitlab_id=None,
    http_url="https://git.example.com/platform/shop.git",
    web_url=None,
    created_by_us=False,
    state=PENDING,
)
OURS = GitLabProject(
    id=7,
    path="platform/shop",
    name="Shop",
    description="Sells",
    visibility="private",
    default_branch="main",
    archived=False,
    http_url="https://git.example.com/platform/shop.git",
    web_url="https://git.example.com/platform/shop",
    topics=ownership.topics(ID),
    deletion_date=None,
)
FOREIGN = replace(OURS, topics=("games",), name="Theirs", description="Theirs", visibility="internal")
ADOPTED = replace(FOREIGN, topics=("games", *ownership.topics(ID, adopted=True)))
PLAIN = RepositoryRequest(group_path="platform")
ADOPT = RepositoryRequest(group_path="platform", adopt=True)
RESTORE = RepositoryRequest(group_path="platform", on_pending_deletion=PendingDeletion.RESTORE)


@pytest.mark.parametrize(
    ("found", "choices", "action", "fields"),
    [
        (None, PLAIN, Action.CREATE, ["name", "description", "visibility", "default_branch"]),
        (None, ADOPT, Action.CREATE, ["name", "description", "visibility", "default_branch"]),
        (OURS, PLAIN, Action.NONE, []),
        (OURS, ADOPT, Action.NONE, []),
        (replace(OURS, description="Other"), PLAIN, Action.CHANGE, ["description"]),
        (replace(OURS, visibility="internal", name="X"), PLAIN, Action.CHANGE, ["name", "visibility"]),
        (replace(OURS, archived=True), PLAIN, Action.CHANGE, ["archived"]),
        (replace(OURS, path="elsewhere/shop"), PLAIN, Action.CONFLICT, []),
        (replace(OURS, deletion_date="2026-02-01"), PLAIN, Action.CONFLICT, []),
        (replace(OURS, deletion_date="2026-02-01"), RESTORE, Action.RESTORE, []),
        (FOREIGN, PLAIN, Action.CONFLICT, []),
        (FOREIGN, RESTORE, Action.CONFLICT, []),
        (FOREIGN, ADOPT, Action.ADOPT, ["topics"]),
        (replace(FOREIGN, default_branch="trunk"), ADOPT, Action.CONFLICT, []),
        (replace(FOREIGN, default_branch=None), ADOPT, Action.ADOPT, ["topics"]),
        (replace(OURS, topics=ownership.topics(OTHER)), PLAIN, Action.CONFLICT, []),
        (replace(OURS, topics=ownership.topics(OTHER)), ADOPT, Action.CONFLICT, []),
        (ADOPTED, PLAIN, Action.NONE, []),
        (replace(ADOPTED, archived=True), PLAIN, Action.CHANGE, ["archived"]),
    ],
)
def test_repository(
    found: GitLabProject | None, choices: RepositoryRequest, action: Action, fields: list[str]
) -> None:
    change = repository.change(PROJECT, RECORDED, found, choices)
    assert (change.action, [item.field for item in change.differences]) == (action, fields)
    assert (change.action is Action.CONFLICT) <= bool(change.message)


def test_adoption_keeps_the_topics_that_are_there() -> None:
    [topics] = repository.change(PROJECT, RECORDED, FOREIGN, ADOPT).differences
    assert set(topics.desired) == {"games", *ownership.topics(ID, adopted=True)}


def target() -> Target:
    environment = Environment(UUID(int=6), UUID(int=3), "dev", "Development", "cluster", Policy())
    return Target(
        PROJECT,
        RECORDED,
        ProjectEnvironment(UUID(int=8), ID, environment, "project-shop-dev", PENDING),
        Pace(600, 60, 30),
    )


def stored(**metadata: Any) -> dict[str, Any]:
    manifest = namespace.desired(target())
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "uid": "u", **metadata},
        "status": {"phase": "x"},
    }


@pytest.mark.parametrize(
    ("existing", "action"),
    [
        (None, Action.CREATE),
        (stored(), Action.NONE),
        (stored(deletionTimestamp="2026-01-01T00:00:00Z"), Action.WAIT),
        (stored(labels={}), Action.CONFLICT),
        (stored(labels=ownership.labels(OTHER, "shop", "dev")), Action.CONFLICT),
        (stored(labels=ownership.labels(ID, "shop", "dev")), Action.CHANGE),
    ],
)
def test_object(existing: dict[str, Any] | None, action: Action) -> None:
    assert applied.change(namespace.desired(target()), existing, ID, "dev").action is action


@pytest.mark.parametrize(
    ("held", "active", "action"),
    [
        ("7", [7], Action.NONE),
        ("7", [7, 8], Action.NONE),
        ("7", [8], Action.CHANGE),
        ("7", [], Action.CHANGE),
        (None, [7], Action.CHANGE),
    ],
)
def test_credentials(held: str | None, active: list[int], action: Action) -> None:
    secret = credentials.reference(target())
    if held:
        secret["metadata"]["annotations"] = {credentials.TOKEN_ID_ANNOTATION: held}
    tokens = [DeployToken(number, "name", "user") for number in active]
    assert credentials.change(target(), secret, tokens, "dev").action is action


def test_what_a_secret_holds_is_in_no_plan() -> None:
    manifest = credentials.desired(target(), DeployToken(7, "name", "user", secret="gldt-secret"))
    assert "gldt-secret" not in repr(applied.change(manifest, None, ID, "dev"))
