"""Plain git against the server: who may fetch and push what, and what it says when refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import gitlab
import pytest
from gitlab.v4.objects import Project

from tests.gitlab_server.conftest import Git, World, token_of, unique


@pytest.fixture
def project(world: World) -> Project:
    return world.project()


def test_clone_commit_push_fetch(world: World, project: Project, git: Git) -> None:
    token = token_of(world.maintainer)
    folder = git.clone(project.http_url_to_repo, token)
    other = git.clone(project.http_url_to_repo, token)
    sha = git.commit(folder, "new", "text")
    git.run("push", "-q", cwd=folder, token=token)
    git.run("pull", "-q", cwd=other, token=token)
    assert (other / "new").read_text() == "text"
    assert project.branches.get("main").commit["id"] == sha
    assert project.files.get("new", ref="main").decode() == b"text"


def test_the_first_push_sets_up_the_project(world: World, git: Git) -> None:
    project = world.project(initialize_with_readme=False)
    folder = git.clone(project.http_url_to_repo, token_of(world.owner))
    git.run("checkout", "-qb", "trunk", cwd=folder)
    git.commit(folder)
    git.run("push", "-q", "origin", "trunk", cwd=folder, token=token_of(world.owner))
    found = world.owner.projects.get(project.id)
    assert (found.default_branch, found.empty_repo) == ("trunk", False)
    assert [row.name for row in found.protectedbranches.list()] == ["trunk"]
    assert git.clone(project.http_url_to_repo, token_of(world.owner)).joinpath("file").exists()


def test_developers_are_refused_on_the_default_branch_even_at_first(world: World, git: Git) -> None:
    for project in (world.project(), world.project(initialize_with_readme=False)):
        folder = git.clone(project.http_url_to_repo, token_of(world.developer))
        git.run("checkout", "-qB", "main", cwd=folder)
        git.commit(folder)
        refused = git.run("push", "origin", "main", cwd=folder, token=token_of(world.developer), check=False)
        assert refused.returncode != 0
        text = "remote: GitLab: You are not allowed to push code to protected branches on this project."
        assert text in refused.stderr
        assert "! [remote rejected] main -> main (pre-receive hook declined)" in refused.stderr
        allowed = git.run(
            "push", "-q", "origin", "main:topic", cwd=folder, token=token_of(world.developer), check=False
        )
        assert allowed.returncode == 0, allowed.stderr


def test_a_group_may_let_developers_push_first(world: World, git: Git) -> None:
    values = {"name": unique("g"), "path": unique("g"), "parent_id": world.group.id}
    group = world.owner.groups.create(values | {"default_branch_protection": 4})
    project = world.project(namespace_id=group.id, initialize_with_readme=False)
    token = token_of(world.developer)
    folder = git.clone(project.http_url_to_repo, token)
    git.run("checkout", "-qB", "main", cwd=folder)
    git.commit(folder)
    git.run("push", "-q", "origin", "main", cwd=folder, token=token)
    git.commit(folder, "second")
    assert git.run("push", "-q", "origin", "main", cwd=folder, token=token, check=False).returncode != 0


def test_force_push_on_a_protected_branch_is_refused_until_allowed(
    world: World, project: Project, git: Git
) -> None:
    token = token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    git.run("commit", "-q", "--amend", "-m", "rewritten", cwd=folder)
    refused = git.run("push", "-f", cwd=folder, token=token, check=False)
    assert "not allowed to force push code to a protected branch" in refused.stderr
    rule = project.protectedbranches.get("main")
    rule.allow_force_push = True
    rule.save()
    git.run("push", "-qf", cwd=folder, token=token)


def test_a_refused_ref_refuses_the_whole_push(world: World, project: Project, git: Git) -> None:
    token = token_of(world.developer)
    folder = git.clone(project.http_url_to_repo, token)
    git.commit(folder)
    done = git.run("push", "origin", "main", "main:topic", cwd=folder, token=token, check=False)
    assert done.returncode != 0
    assert [row.name for row in project.branches.list()] == ["main"]


def test_deleting_branches_by_push(world: World, project: Project, git: Git) -> None:
    token = token_of(world.owner)
    project.branches.create({"branch": "guarded", "ref": "main"})
    project.branches.create({"branch": "free", "ref": "main"})
    project.protectedbranches.create({"name": "guard*"})
    folder = git.clone(project.http_url_to_repo, token)
    git.run("push", "-q", "origin", ":free", cwd=folder, token=token)
    for name, text in (("main", "default branch of a project"), ("guarded", "using the web interface")):
        refused = git.run("push", "origin", f":{name}", cwd=folder, token=token, check=False)
        assert text in refused.stderr


@pytest.mark.parametrize("name", ["a" * 40, "0123456789" * 4])
def test_branches_do_not_look_like_commits(world: World, project: Project, git: Git, name: str) -> None:
    folder = git.clone(project.http_url_to_repo, token_of(world.owner))
    refused = git.run(
        "push", "origin", f"HEAD:refs/heads/{name}", cwd=folder, token=token_of(world.owner), check=False
    )
    assert "hexadecimal" in refused.stderr


def test_wrong_tokens(world: World, project: Project, git: Git) -> None:
    askpass = git.home / "askpass"
    askpass.write_text("#!/bin/sh\necho glpat-wrong\n")
    askpass.chmod(0o700)
    refused = git.run("ls-remote", project.http_url_to_repo, env={"GIT_ASKPASS": str(askpass)}, check=False)
    assert "HTTP Basic: Access denied. If a password was provided" in refused.stderr
    unseen = git.run("ls-remote", project.http_url_to_repo, token=token_of(world.outsider), check=False)
    assert "could not be found or you don't have permission to view it" in unseen.stderr
    nobody = git.run("ls-remote", project.http_url_to_repo, check=False)
    assert "could not read Username" in nobody.stderr
    guest = git.run("ls-remote", project.http_url_to_repo, token=token_of(world.guest), check=False)
    assert "not allowed to download code" in guest.stderr


@pytest.mark.parametrize(
    ("scopes", "fetches", "pushes"),
    [
        (["api"], True, True),
        (["write_repository"], True, True),
        (["read_repository"], True, False),
        (["read_api"], False, False),
        (["read_user"], False, False),
    ],
)
def test_scopes(
    world: World,
    git: Git,
    new_user: Callable[..., gitlab.Gitlab],
    scopes: list[str],
    fetches: bool,
    pushes: bool,
) -> None:
    project = world.project()
    client = new_user("scoped", [*scopes, "read_user"])
    assert client.user is not None
    project.members.create({"user_id": client.user.id, "access_level": 40})
    token = token_of(client)
    found = git.run("ls-remote", project.http_url_to_repo, token=token, check=False)
    assert (found.returncode == 0) is fetches
    folder = git.clone(project.http_url_to_repo, token_of(world.owner))
    git.commit(folder)
    pushed = git.run("push", cwd=folder, token=token, check=False)
    assert (pushed.returncode == 0) is pushes


def test_deploy_tokens_read_and_never_write(world: World, project: Project, git: Git) -> None:
    token = project.deploytokens.create({"name": "flux", "scopes": ["read_repository"]})
    folder = git.clone(project.http_url_to_repo, token.token, user=token.username)
    git.commit(folder)
    refused = git.run("push", cwd=folder, token=token.token, user=token.username, check=False)
    assert "You are not allowed to push code to this project." in refused.stderr
    other = world.project()
    for user, url in (("somebody", project.http_url_to_repo), (token.username, other.http_url_to_repo)):
        denied = git.run("ls-remote", url, token=token.token, user=user, check=False)
        assert denied.returncode != 0
    token.delete()
    gone = git.run("ls-remote", project.http_url_to_repo, token=token.token, user=token.username, check=False)
    assert gone.returncode != 0


def test_a_groups_deploy_token_reads_all_its_projects(world: World, project: Project, git: Git) -> None:
    token = world.group.deploytokens.create({"name": "flux", "scopes": ["read_repository"]})
    git.run("ls-remote", project.http_url_to_repo, token=token.token, user=token.username)


def test_public_repositories_need_no_token(world: World, git: Git) -> None:
    project = world.owner.projects.create(
        {"name": unique("public"), "visibility": "public", "initialize_with_readme": True}
    )
    folder = git.clone(project.http_url_to_repo, None)
    git.commit(folder)
    assert git.run("push", cwd=folder, check=False).returncode != 0


def test_shallow_partial_and_single_branch_clones(world: World, project: Project, git: Git) -> None:
    token = token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    for number in range(3):
        git.commit(folder, f"file-{number}")
    git.run("push", "-q", cwd=folder, token=token)
    shallow = git.clone(project.http_url_to_repo, token, "--depth", "1")
    assert git.run("rev-list", "--count", "HEAD", cwd=shallow).stdout.strip() == "1"
    git.run("fetch", "-q", "--unshallow", cwd=shallow, token=token)
    assert git.run("rev-list", "--count", "HEAD", cwd=shallow).stdout.strip() == "4"
    git.clone(project.http_url_to_repo, token, "--filter=blob:none", "--no-checkout")
    git.clone(project.http_url_to_repo, token, "--single-branch", "-b", "main")
    for version in ("0", "1", "2"):
        git.run("-c", f"protocol.version={version}", "ls-remote", project.http_url_to_repo, token=token)


def test_archived_and_doomed_projects_take_no_push(world: World, project: Project, git: Git) -> None:
    folder = git.clone(project.http_url_to_repo, token_of(world.owner))
    git.commit(folder)
    project.archive()
    refused = git.run("push", cwd=folder, token=token_of(world.owner), check=False)
    assert refused.returncode != 0
    git.run("fetch", "-q", cwd=folder, token=token_of(world.owner))


def test_an_old_path_still_fetches(world: World, project: Project, git: Git) -> None:
    old = project.http_url_to_repo
    project.path = unique("renamed")
    project.save()
    git.run("ls-remote", old, token=token_of(world.owner))


def test_a_hundred_fetches_at_once(world: World, project: Project, git: Git) -> None:
    token = token_of(world.owner)
    head = project.branches.get("main").commit["id"]
    with ThreadPoolExecutor(25) as pool:
        found = pool.map(
            lambda _: git.run("ls-remote", project.http_url_to_repo, "main", token=token).stdout.split()[0],
            range(100),
        )
        assert set(found) == {head}
    assert world.owner.projects.get(project.id).id == project.id


def test_pushes_at_once_to_one_repository(world: World, project: Project, git: Git) -> None:
    token = token_of(world.owner)
    folders = [git.clone(project.http_url_to_repo, token) for _ in range(6)]

    def push(number: int) -> None:
        git.commit(folders[number], f"file-{number}")
        git.run("push", "-q", "origin", f"HEAD:branch-{number}", cwd=folders[number], token=token)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(push, range(6)))
    assert len(project.branches.list(get_all=True)) == 7
