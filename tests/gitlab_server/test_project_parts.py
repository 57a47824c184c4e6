"""What hangs on a project, with python-gitlab: deploy tokens and keys, variables, environments, topics."""

from __future__ import annotations

import base64
import secrets

import pytest
from gitlab.exceptions import GitlabCreateError, GitlabDeleteError, GitlabGetError
from gitlab.v4.objects import Project

from tests.gitlab_server.conftest import World, unique


@pytest.fixture(scope="module")
def project(world: World) -> Project:
    return world.project()


def test_deploy_tokens(world: World, project: Project) -> None:
    values = {"name": "flux", "scopes": ["read_repository"]}
    token = project.deploytokens.create(values)
    assert token.token.startswith("gldt-")
    assert token.username == f"gitlab+deploy-token-{token.id}"
    again = project.deploytokens.create(values | {"username": "chosen", "expires_at": "2027-01-01T00:00:00Z"})
    assert again.username == "chosen"
    listed = project.deploytokens.list(active=True, get_all=True)
    assert [row.name for row in listed] == ["flux", "flux"], "names are not unique"
    assert not hasattr(listed[0], "token")
    token.delete()
    with pytest.raises(GitlabGetError, match="404"):
        project.deploytokens.get(token.id)
    for scopes in ([], ["api"], ["write_repository"]):
        with pytest.raises(GitlabCreateError):
            project.deploytokens.create({"name": "x", "scopes": scopes})
    with pytest.raises(GitlabCreateError) as refused:
        world.developer.projects.get(project.id).deploytokens.create(values)
    assert refused.value.response_code == 403
    group_token = world.group.deploytokens.create(values)
    group_token.delete()


def _key() -> str:
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + secrets.token_bytes(32)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} comment"


def test_deploy_keys(world: World, project: Project) -> None:
    text = _key()
    key = project.keys.create({"title": "flux", "key": text})
    assert key.fingerprint_sha256.startswith("SHA256:")
    with pytest.raises(GitlabCreateError, match="already been taken"):
        project.keys.create({"title": "again", "key": text})
    with pytest.raises(GitlabCreateError, match="is invalid"):
        project.keys.create({"title": "bad", "key": "ssh-ed25519 ???"})
    key.can_push = True
    key.save()
    assert project.keys.get(key.id).can_push is True
    other = world.project()
    other.keys.enable(key.id)
    assert other.keys.get(key.id).can_push is False
    key.delete()
    assert other.keys.get(key.id).id == key.id


def test_variables(world: World, project: Project) -> None:
    for holder in (project, world.group):
        variable = holder.variables.create({"key": "TOKEN", "value": "first", "protected": True})
        with pytest.raises(GitlabCreateError, match="already been taken"):
            holder.variables.create({"key": "TOKEN", "value": "second"})
        variable.value = "changed"
        variable.save()
        assert holder.variables.get("TOKEN").value == "changed"
        scoped = {"key": "TOKEN", "value": "other", "environment_scope": "prod"}
        holder.variables.create(scoped)
        found = holder.variables.get("TOKEN", filter={"environment_scope": "prod"})
        assert found.value == "other"
        with pytest.raises(GitlabGetError, match="multiple variables"):
            holder.variables.get("TOKEN")
        holder.variables.delete("TOKEN", filter={"environment_scope": "prod"})
        holder.variables.delete("TOKEN")
        assert holder.variables.list(get_all=True) == []
    hidden = project.variables.create({"key": "HIDDEN", "value": "long-enough", "masked_and_hidden": True})
    assert hidden.value is None
    for bad in ({"key": "with space", "value": "x"}, {"key": "M", "value": "short", "masked": True}):
        with pytest.raises(GitlabCreateError):
            project.variables.create(bad)


def test_environments(project: Project) -> None:
    environment = project.environments.create({"name": "prod/eu", "external_url": "https://example.org"})
    assert environment.tier == "production"
    assert environment.slug.startswith("prod-eu-")
    with pytest.raises(GitlabCreateError, match="already been taken"):
        project.environments.create({"name": "prod/eu"})
    environment.external_url = "https://example.com"
    environment.save()
    with pytest.raises(GitlabDeleteError):
        environment.delete()
    environment.stop()
    assert project.environments.get(environment.id).state == "stopped"
    environment.delete()
    assert project.environments.list(get_all=True) == []


def test_topics(world: World) -> None:
    name = unique("topic")
    topic = world.admin.topics.create({"name": name, "title": "Titled"})
    world.project(topics=[name.upper()])
    assert world.owner.topics.get(topic.id).total_projects_count == 1
    topic.description = "told"
    topic.save()
    with pytest.raises(GitlabCreateError, match="already been taken"):
        world.admin.topics.create({"name": name, "title": "x"})
    topic.delete()
    assert world.owner.topics.list(search=name, get_all=True) == []
