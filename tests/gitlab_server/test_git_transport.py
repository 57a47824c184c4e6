"""The bytes of smart HTTP: large pushes are streamed, bodies may be chunked or compressed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.gitlab_server.conftest import ADMIN_TOKEN, Git, Server, World, token_of

_LARGE = 200 * 1024 * 1024
_MOST_GROWTH = 80 * 1024 * 1024


def test_a_large_push_does_not_sit_in_memory(server: Server, world: World, git: Git) -> None:
    project = world.project()
    token = token_of(world.owner)
    folder = git.clone(project.http_url_to_repo, token)
    git.run("config", "core.compression", "0", cwd=folder)
    git.run("config", "core.bigFileThreshold", "1m", cwd=folder)
    _random_file(folder / "large")
    git.run("add", "large", cwd=folder)
    git.run("commit", "-qm", "large", cwd=folder)
    assert server.process is not None
    before = _peak(server.process.pid)
    git.run("push", "-q", cwd=folder, token=token)
    assert _peak(server.process.pid) - before < _MOST_GROWTH
    copy = git.clone(project.http_url_to_repo, token, "--no-checkout")
    assert _peak(server.process.pid) - before < _MOST_GROWTH
    assert git.run("cat-file", "-s", "HEAD:large", cwd=copy).stdout.strip() == str(_LARGE)
    project.delete()
    path = world.owner.projects.get(project.id).path_with_namespace
    world.owner.projects.delete(project.id, permanently_remove=True, full_path=path)


def test_compressed_and_chunked_requests(server: Server, world: World) -> None:
    project = world.project()
    head = project.branches.get("main").commit["id"]
    want = f"want {head} no-progress\n"
    body = f"{len(want) + 4:04x}{want}0000".encode() + b"0009done\n"
    headers = {"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip"}
    address = f"{server.url}/{project.path_with_namespace}.git/git-upload-pack"
    packed = gzip.compress(body)

    def chunks() -> Iterator[bytes]:
        yield packed[:10]
        yield packed[10:]

    for content in (packed, chunks()):
        answer = httpx.post(address, content=content, headers=headers, auth=("x", ADMIN_TOKEN), timeout=30)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/x-git-upload-pack-result"
        assert b"PACK" in answer.content


def test_refusals_are_plain_text(server: Server, world: World) -> None:
    project = world.project()
    address = f"{server.url}/{project.path_with_namespace}.git/info/refs"
    answer = httpx.get(address, params={"service": "git-upload-pack"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="GitLab"'
    assert answer.text.startswith("HTTP Basic: Access denied. If a password was provided")
    assert httpx.get(address).status_code == 403, "the dumb protocol is not spoken"


def _random_file(path: Path) -> None:
    with Path("/dev/urandom").open("rb") as source, path.open("wb") as target:
        for _ in range(_LARGE // (4 * 1024 * 1024)):
            target.write(source.read(4 * 1024 * 1024))


def _peak(process_id: int) -> int:
    """The highest memory use the process ever had, bytes."""
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(row for row in status.splitlines() if row.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
