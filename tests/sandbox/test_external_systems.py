"""Systems named by the environment are used in place of the embedded ones, and are only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox.errors import ExternalSystemUnreachable

if TYPE_CHECKING:
    from tests.conftest import SharedSandbox

    from .conftest import MakeSandbox


def test_existing_systems_are_used_and_left_alone(sandbox: SharedSandbox, make_sandbox: MakeSandbox) -> None:
    other = make_sandbox(
        gitlab_url=sandbox.gitlab_url,
        gitlab_token=sandbox.gitlab_token,
        kubeconfig=sandbox.kubeconfig,
        database_url=sandbox.database_url,
    )
    other.up(["control-plane", "gitlab", "postgres"])
    rows = {(row.part, row.name): row for row in other.status()}
    assert {part for part, name in rows if name == "external"} == {"control-plane", "gitlab", "postgres"}
    assert all(row.healthy for (_, name), row in rows.items() if name == "external")
    assert not {"etcd", "gitlab"} & {name for _, name in rows}
    env = other.parts.env()
    for key in ("GITLAB_URL", "GITLAB_TOKEN", "KUBECONFIG", "DATABASE_URL"):
        assert env[key] == sandbox.env[key]
    other.destroy()
    assert all(row.healthy for row in sandbox.status())


@pytest.mark.parametrize(
    ("part", "external"),
    [
        ("gitlab", {"gitlab_url": "http://127.0.0.1:9", "gitlab_token": "wrong"}),
        ("control-plane", {"kubeconfig": "/nonexistent/kubeconfig"}),
        ("postgres", {"database_url": "postgresql://nobody:wrong@127.0.0.1:9/none"}),
    ],
)
def test_an_unreachable_system_is_named(
    make_sandbox: MakeSandbox, part: str, external: dict[str, str]
) -> None:
    sandbox = make_sandbox(**external)
    with pytest.raises(
        ExternalSystemUnreachable, match=f"GROUNDWORK_{next(iter(external)).upper()}"
    ) as caught:
        sandbox.up([part])
    assert "wrong" not in str(caught.value)


def test_a_token_that_is_not_accepted_is_named(
    sandbox_gitlab: SharedSandbox, make_sandbox: MakeSandbox
) -> None:
    sandbox = make_sandbox(gitlab_url=sandbox_gitlab.gitlab_url, gitlab_token="glpat-not-a-token")
    with pytest.raises(ExternalSystemUnreachable, match="does not accept the token"):
        sandbox.up(["gitlab"])
