"""What `up` gives a fresh GitLab server: a group, a bot that owns it, and a token that stays good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitlab import Gitlab
from gitlab.const import AccessLevel

if TYPE_CHECKING:
    from sandbox.lifecycle import Sandbox
    from tests.conftest import SharedSandbox

    from .conftest import MakeSandbox


def test_the_bot_owns_the_group_and_can_create_in_it(sandbox_gitlab: SharedSandbox) -> None:
    server = _client(sandbox_gitlab)
    server.auth()
    assert server.user is not None
    group = server.groups.get("platform")
    assert group.members.get(server.user.id).access_level == AccessLevel.OWNER
    project = server.projects.create({"name": "Seed check", "path": "seed-check", "namespace_id": group.id})
    assert project.path_with_namespace == "platform/seed-check"
    project.delete()


def test_seeding_again_keeps_everything(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["gitlab"])
    before = _facts(sandbox)
    sandbox.up(["gitlab"])
    assert _facts(sandbox) == before


def test_a_revoked_token_is_replaced(make_sandbox: MakeSandbox) -> None:
    sandbox = make_sandbox()
    sandbox.up(["gitlab"])
    revoked = sandbox.parts.gitlab.token
    _client(sandbox).personal_access_tokens.delete("self")
    sandbox.up(["gitlab"])
    assert sandbox.parts.gitlab.token != revoked
    _client(sandbox).auth()


def _client(sandbox: Sandbox) -> Gitlab:
    return Gitlab(sandbox.parts.gitlab.url, private_token=sandbox.parts.gitlab.token)


def _facts(sandbox: Sandbox) -> tuple[object, ...]:
    server = _client(sandbox)
    group = server.groups.get("platform")
    members = {(member.username, member.access_level) for member in group.members.list(get_all=True)}
    return sandbox.parts.gitlab.token, group.id, members
