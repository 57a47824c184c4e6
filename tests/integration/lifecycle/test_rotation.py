"""Deploy tokens are renewed so that Flux can fetch at every moment, and old ones do not live on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import gitlab
import pytest

from groundwork.errors import SyncFailed
from groundwork.model.entities import Operation, Project
from groundwork.operations import rotation
from groundwork.operations.resolution import Run
from groundwork.resources import credentials

from .lifecycle import Lifecycle

Kubectl = Callable[..., Any]


class Killed(BaseException):
    """Ends a step where a kill would: nothing after it is done, and nothing is written down."""


def run() -> Run:
    return Run("rotate_credentials", uuid4().hex, "tester")


def rotate(life: Lifecycle, project: Project, chosen: Run, *, now: bool = True) -> Operation:
    """Try until it has not to wait."""
    found: list[Operation] = []

    def attempt(services: Any) -> None:
        found.append(rotation.rotate(services, project.slug, chosen, now=now))

    life.driver.patiently(attempt)
    return found[-1]


def active(api: gitlab.Gitlab, life: Lifecycle, project: Project) -> list[int]:
    found = api.projects.get(life.records.resources.repository(project.id).gitlab_id)
    return sorted(token.id for token in found.deploytokens.list(active=True, get_all=True))


def held(kubectl: Kubectl, project: Project) -> tuple[int, str]:
    """The token in the namespace: its id, and the day it ends."""
    place = ("get", "secret", credentials.SECRET, "-n", f"project-{project.slug}-dev", "-o", "json")
    annotations = kubectl(*place)["metadata"]["annotations"]
    return (
        int(annotations[credentials.TOKEN_ID_ANNOTATION]),
        annotations[credentials.TOKEN_END_ANNOTATION],
    )


def ready(kubectl: Kubectl, project: Project) -> bool:
    place = ("get", "gitrepository", project.slug, "-n", f"project-{project.slug}-dev", "-o", "json")
    conditions = {item["type"]: item["status"] for item in kubectl(*place)["status"]["conditions"]}
    return conditions["Ready"] == "True"


def test_a_new_token_is_proven_before_the_old_one_is_revoked(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = life.project("dev")
    before, end = held(kubectl, project)
    assert end == str((datetime.now(UTC) + timedelta(days=365)).date())
    seen: list[bool] = []
    revoke = credentials.revoke_others

    def watched(*arguments: Any) -> Any:
        seen.append(ready(kubectl, project))
        return revoke(*arguments)

    monkeypatch.setattr(credentials, "revoke_others", watched)

    operation = rotate(life, project, run())

    assert operation.status == "succeeded"
    after, _ = held(kubectl, project)
    assert after != before
    assert active(api, life, project) == [after]
    assert seen == [True]
    assert set(life.states(project).values()) == {"synced"}


def test_the_same_run_again_renews_nothing_more(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project, chosen = life.project("dev"), run()
    rotate(life, project, chosen)
    once = held(kubectl, project)

    rotate(life, project, chosen)

    assert held(kubectl, project) == once
    assert active(api, life, project) == [once[0]]


@pytest.mark.parametrize("step", ["put_new", "_prove", "revoke_others"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("again", ["the same run", "the next run"])
def test_killed_anywhere_it_ends_with_one_token_that_works(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl, step: str, after: bool, again: str
) -> None:
    project, chosen = life.project("dev"), run()
    owner = rotation if step == "_prove" else credentials
    real = getattr(owner, step)

    def killed(*arguments: Any) -> Any:
        if after:
            real(*arguments)
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            rotate(life, project, chosen)
    assert held(kubectl, project)[0] in active(api, life, project)

    if again == "the next run":
        # The dead one's lease has ended by then.
        last = life.records.operations.list(project.id, limit=1)[0]
        life.records.lease.release(last.id)
        assert project.slug in rotation.find_due(life.driver.services, {})
        rotate(life, project, run(), now=False)
    else:
        rotate(life, project, chosen)

    assert active(api, life, project) == [held(kubectl, project)[0]]
    assert ready(kubectl, project)
    assert life.records.operations.list(project.id, limit=1)[0].status == "succeeded"


def test_tokens_that_end_soon_are_found_and_others_are_not(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev")
    assert project.slug not in rotation.find_due(life.driver.services, {})
    settings = life.driver.services.settings.model_copy(update={"deploy_token_renewal_days": 365})
    services = replace(life.driver.services, settings=settings)
    assert project.slug in rotation.find_due(services, {})
    assert rotation.find_due(life.driver.services, {"project_id": project.slug}) == [project.slug]
    label = ("label", "secret", "groundwork-git", "-n", f"project-{project.slug}-dev")
    kubectl(*label, "groundwork.dev/project-id-")
    assert project.slug not in rotation.find_due(services, {})
    kubectl(*label, f"groundwork.dev/project-id={project.id}")
    before = held(kubectl, project)

    rotate(life, project, run(), now=False)

    assert held(kubectl, project) == before
    assert active(api, life, project) == [before[0]]


def test_nothing_is_renewed_that_could_not_be_proven(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl
) -> None:
    project = life.project("dev")
    before = held(kubectl, project)
    source = ("gitrepository", project.slug, "-n", f"project-{project.slug}-dev", "--type=merge", "-p")
    kubectl("patch", *source, '{"spec": {"suspend": true}}')

    with pytest.raises(SyncFailed, match="is suspended"):
        rotate(life, project, run())

    assert held(kubectl, project) == before
    assert active(api, life, project) == [before[0]]
    [last] = life.records.operations.list(project.id, limit=1)
    assert (last.kind, last.status, last.reason) == ("rotate", "failed", "SyncFailed")


def test_the_old_token_stays_while_the_new_one_does_not_work(
    life: Lifecycle, api: gitlab.Gitlab, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = life.project("dev")
    before, _ = held(kubectl, project)
    real = credentials.desired

    def broken(target: Any, token: Any) -> Any:
        return real(target, replace(token, secret="wrong"))

    monkeypatch.setattr(credentials, "desired", broken)
    settings = life.driver.services.settings.model_copy(update={"sync_deadline": 5.0})
    hasty = Lifecycle(type(life.driver)(replace(life.driver.services, settings=settings)))

    with pytest.raises(SyncFailed, match="the old one stays"):
        rotate(hasty, project, run())
    assert before in active(api, life, project)

    monkeypatch.undo()
    rotate(life, project, run())
    assert active(api, life, project) == [held(kubectl, project)[0]]
    assert ready(kubectl, project)
