"""What the catalog's tests share: the templates, and a project to render them for."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from rich.console import Console

from groundwork.catalog import RenderContext, Template, list_templates
from sandbox.control_plane.build import ensure_built
from sandbox.settings import Settings


@pytest.fixture(scope="session")
def context() -> RenderContext:
    return RenderContext(
        project_id=UUID(int=1),
        slug="1e5",  # like two of the environments, something YAML reads as no text, unless it is quoted
        name="Bücher 😀 - v2.0",
        organization="platform",
        repository="https://git.example.com/platform/1e5.git",
        default_branch="main",
        namespaces={name: f"project-1e5-{name}" for name in ("dev", "no", "123")},
    )


@pytest.fixture(scope="session", params=list_templates(), ids=lambda template: template.id)
def template(request: pytest.FixtureRequest) -> Template:
    chosen: Template = request.param
    return chosen


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """The kubectl of the sandbox's control plane, built first if need be."""
    return ensure_built(Settings().cache_dir, Console()).program("kubectl")
