"""The plain web pages: they open, link on, and escape what people wrote."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.gitlab_server.conftest import Server, World

_HOSTILE = "<script>alert(1)</script>"


def test_every_link_opens(server: Server, world: World) -> None:
    project = world.project(description=_HOSTILE)
    project.files.create(
        {"file_path": "dir/sub file.txt", "branch": "main", "content": _HOSTILE, "commit_message": _HOSTILE}
    )
    with httpx.Client(base_url=server.url, timeout=30) as client:
        assert project.path_with_namespace in client.get("/").text
        waiting, seen = [f"/{project.path_with_namespace}"], set()
        while waiting:
            address = waiting.pop()
            seen.add(address)
            page = client.get(address)
            assert page.status_code == 200, address
            assert _HOSTILE not in page.text
            assert "default-src 'none'" in page.headers["Content-Security-Policy"]
            links = set(re.findall(r'href="([^"]+)"', page.text)) - seen - {"/"}
            waiting += sorted(links - set(waiting))
        assert any("/-/blob/main/dir/sub%20file.txt" in address for address in seen)
        assert any("/-/commit/" in address for address in seen)


def test_an_empty_repository_has_a_page(world: World) -> None:
    project = world.project(initialize_with_readme=False)
    assert "The repository is empty." in httpx.get(project.web_url).text


@pytest.mark.parametrize("path", ["no/such", "x/-/tree/main", "..%2f..%2fetc/passwd", "%00"])
def test_unknown_addresses(server: Server, path: str) -> None:
    assert httpx.get(f"{server.url}/{path}").status_code == 404
