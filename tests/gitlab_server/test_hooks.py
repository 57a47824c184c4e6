"""Webhooks: they fire on push, tag and merge request; failing ones are retried, paused and disabled."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from gitlab.exceptions import GitlabCreateError, GitlabGetError
from gitlab.v4.objects import Project

from sandbox.gitlab.faults import FaultClient
from tests.gitlab_server.conftest import Git, World, token_of, wait_until


@dataclass
class Receiver:
    """Hears webhooks; answers with `status`, and breaks the connection off `break_off` times first."""

    port: int = 0
    status: int = 200
    break_off: int = 0
    heard: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def wait(self, count: int) -> None:
        wait_until(lambda: len(self.heard) >= count, 20, lambda: f"heard {len(self.heard)} of {count}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            made.heard.append((dict(self.headers), body))
            if made.break_off:
                made.break_off -= 1
                self.close_connection = True
                return
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    http_server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = http_server.server_port
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield made
    http_server.shutdown()
    http_server.server_close()
    thread.join()


@pytest.fixture
def project(world: World) -> Project:
    return world.project()


def _commit(project: Project, branch: str = "main") -> None:
    name = f"file-{len(project.commits.list(get_all=True))}"
    values = {"file_path": name, "branch": branch, "content": "x", "commit_message": f"add {name}"}
    project.files.create(values)


def test_a_push_is_announced(world: World, project: Project, git: Git, receiver: Receiver) -> None:
    hook = project.hooks.create({"url": receiver.url, "token": "secret", "push_events": True})
    assert not hasattr(hook, "token")
    assert hook.token_present is True
    folder = git.clone(project.http_url_to_repo, token_of(world.owner))
    sha = git.commit(folder, message="told")
    git.run("push", "-q", cwd=folder, token=token_of(world.owner))
    receiver.wait(1)
    headers, body = receiver.heard[0]
    assert headers["X-Gitlab-Event"] == "Push Hook"
    assert headers["X-Gitlab-Token"] == "secret"
    assert headers["User-Agent"].startswith("GitLab/")
    assert (body["object_kind"], body["ref"], body["after"]) == ("push", "refs/heads/main", sha)
    assert body["project"]["path_with_namespace"] == project.path_with_namespace
    assert [(row["title"], row["added"]) for row in body["commits"]] == [("told", ["file"])]
    wait_until(lambda: bool(_deliveries(project, hook.id)), 20)
    delivery = _deliveries(project, hook.id)[0]
    assert delivery["response_status"] == "200"
    assert "secret" not in json.dumps(delivery)


def test_tags_merge_requests_and_filters(project: Project, receiver: Receiver) -> None:
    events = {"push_events": True, "tag_push_events": True, "merge_requests_events": True}
    project.hooks.create({"url": receiver.url, "push_events_branch_filter": "release/*"} | events)
    _commit(project)
    project.tags.create({"tag_name": "v1", "ref": "main"})
    receiver.wait(1)
    project.branches.create({"branch": "release/1", "ref": "main"})
    receiver.wait(2)
    _commit(project, "release/1")
    receiver.wait(3)
    request = project.mergerequests.create(
        {"source_branch": "release/1", "target_branch": "main", "title": "Release"}
    )
    receiver.wait(4)
    request.merge()
    receiver.wait(5)
    kinds = [(headers["X-Gitlab-Event"], body["object_kind"]) for headers, body in receiver.heard]
    assert kinds[:3] == [("Tag Push Hook", "tag_push"), ("Push Hook", "push"), ("Push Hook", "push")]
    assert [row[0] for row in kinds[3:]] == ["Merge Request Hook"] * 2
    assert [row[1]["object_attributes"]["action"] for row in receiver.heard[3:]] == ["open", "merge"]


def test_group_hooks_hear_their_projects(world: World, project: Project, receiver: Receiver) -> None:
    hook = world.group.hooks.create({"url": receiver.url, "push_events": True})
    _commit(project)
    receiver.wait(1)
    hook.delete()


def test_an_unanswered_delivery_is_tried_again_with_the_same_key(
    project: Project, receiver: Receiver
) -> None:
    receiver.break_off = 2
    project.hooks.create({"url": receiver.url, "push_events": True})
    _commit(project)
    receiver.wait(3)
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.heard}) == 1


def test_failing_hooks_are_paused_when_the_instance_does_so(
    project: Project, receiver: Receiver, control: FaultClient
) -> None:
    control.set_limits(disable_failing_hooks=True, hook_backoff_seconds=3600)
    receiver.status = 500
    hook = project.hooks.create({"url": receiver.url, "push_events": True})
    for number in range(4):
        _commit(project)
        receiver.wait(number + 1)
    wait_until(lambda: project.hooks.get(hook.id).alert_status == "temporarily_disabled", 20)
    assert project.hooks.get(hook.id).disabled_until is not None
    heard = len(receiver.heard)
    _commit(project)
    hook.url = receiver.url + "2"
    hook.save()
    assert project.hooks.get(hook.id).alert_status == "executable"
    receiver.status = 200
    _commit(project)
    receiver.wait(heard + 1)
    assert len(receiver.heard) == heard + 1, "the paused hook missed one push"


def test_hooks_change_and_go(world: World, project: Project, receiver: Receiver) -> None:
    hook = project.hooks.create({"url": receiver.url})
    hook.push_events = False
    hook.merge_requests_events = True
    hook.save()
    assert project.hooks.get(hook.id).merge_requests_events is True
    project.hooks.create({"url": receiver.url})
    assert len(project.hooks.list(get_all=True)) == 2, "addresses are not unique"
    hook.delete()
    with pytest.raises(GitlabGetError, match="404"):
        project.hooks.get(hook.id)
    for url in ("ftp://example.org", "nonsense", "http://", "javascript:alert(1)"):
        with pytest.raises(GitlabCreateError) as refused:
            project.hooks.create({"url": url})
        assert refused.value.response_code == 422
    with pytest.raises(GitlabCreateError) as refused:
        world.developer.projects.get(project.id).hooks.create({"url": receiver.url})
    assert refused.value.response_code == 403


def test_local_addresses_can_be_refused(project: Project, receiver: Receiver, control: FaultClient) -> None:
    control.set_limits(local_hooks=False)
    with pytest.raises(GitlabCreateError, match="Invalid url given"):
        project.hooks.create({"url": receiver.url})


def test_a_hook_can_be_tried(project: Project, receiver: Receiver) -> None:
    hook = project.hooks.create({"url": receiver.url})
    hook.test("push_events")
    receiver.wait(1)


def _deliveries(project: Project, hook_id: int) -> list[dict[str, Any]]:
    address = f"/projects/{project.id}/hooks/{hook_id}/events"
    return list(project.manager.gitlab.http_list(address, get_all=True))
