"""What is to be done to a thing, decided from how it is found and how it should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundwork.clients.gitlab import DeployToken, GitLabProject
from groundwork.model.changes import Action
from groundwork.model.request import PendingDeletion, RepositoryRequest
from groundwork.resources import applied, credentials, namespace, ownership, repository
from groundwork.resources.target import Pace, Target
from tests.unit.shop import ENVIRONMENT, ID, IN_GITLAB, OTHER, PROJECT, REPOSITORY

NEW = replace(REPOSITORY, gitlab_id=None, web_url=None, created_by_us=False)
FOREIGN = replace(IN_GITLAB, topics=("games",), name="Theirs", description="Theirs", visibility="internal")
ADOPTED = replace(FOREIGN, topics=("games", *ownership.topics(ID, adopted=True)))
PLAIN = RepositoryRequest(group_path="platform")
ADOPT = RepositoryRequest(group_path="platform", adopt=True)
RESTORE = RepositoryRequest(group_path="platform", on_pending_deletion=PendingDeletion.RESTORE)


@pytest.mark.parametrize(
    ("found", "choices", "action", "fields"),
    [
        (None, PLAIN, Action.CREATE, ["name", "description", "visibility", "default_branch"]),
        (None, ADOPT, Action.CREATE, ["name", "description", "visibility", "default_branch"]),
        (IN_GITLAB, PLAIN, Action.NONE, []),
        (IN_GITLAB, ADOPT, Action.NONE, []),
        (replace(IN_GITLAB, description="Other"), PLAIN, Action.CHANGE, ["description"]),
        (replace(IN_GITLAB, visibility="internal", name="X"), PLAIN, Action.CHANGE, ["name", "visibility"]),
        (replace(IN_GITLAB, archived=True), PLAIN, Action.CHANGE, ["archived"]),
        (replace(IN_GITLAB, path="elsewhere/shop"), PLAIN, Action.CONFLICT, []),
        (replace(IN_GITLAB, deletion_date="2026-02-01"), PLAIN, Action.CONFLICT, []),
        (replace(IN_GITLAB, deletion_date="2026-02-01"), RESTORE, Action.RESTORE, []),
        (FOREIGN, PLAIN, Action.CONFLICT, []),
        (FOREIGN, RESTORE, Action.CONFLICT, []),
        (FOREIGN, ADOPT, Action.ADOPT, ["topics"]),
        (replace(FOREIGN, default_branch="trunk"), ADOPT, Action.CONFLICT, []),
        (replace(FOREIGN, default_branch=None), ADOPT, Action.ADOPT, ["topics"]),
        (replace(IN_GITLAB, topics=ownership.topics(OTHER)), PLAIN, Action.CONFLICT, []),
        (replace(IN_GITLAB, topics=ownership.topics(OTHER)), ADOPT, Action.CONFLICT, []),
        (ADOPTED, PLAIN, Action.NONE, []),
        (replace(ADOPTED, archived=True), PLAIN, Action.CHANGE, ["archived"]),
    ],
)
def test_repository(
    found: GitLabProject | None, choices: RepositoryRequest, action: Action, fields: list[str]
) -> None:
    change = repository.change(PROJECT, NEW, found, choices)
    assert (change.action, [item.field for item in change.differences]) == (action, fields)
    assert (change.action is Action.CONFLICT) <= bool(change.message)


def test_adoption_keeps_the_topics_that_are_there() -> None:
    [topics] = repository.change(PROJECT, NEW, FOREIGN, ADOPT).differences
    assert set(topics.desired) == {"games", *ownership.topics(ID, adopted=True)}


def target() -> Target:
    return Target(PROJECT, NEW, ENVIRONMENT, Pace(600, 60, 30))


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
