"""Operations on the sandbox's real parts, and what is in GitLab and in the cluster afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gitlab
import pytest

from tests.driver import Driver, driver


@pytest.fixture(scope="module")
def operations(sandbox_systems: Any) -> Iterator[Driver]:
    with driver(sandbox_systems) as made:
        yield made


@pytest.fixture(scope="module")
def group(api: gitlab.Gitlab) -> Any:
    """The group that projects go into."""
    return api.groups.get("platform")
