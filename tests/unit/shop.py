"""One project as records and GitLab hold it: the project `shop`, its environment `dev`, its repository."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from groundwork.clients.gitlab import GitLabProject
from groundwork.model.entities import (
    Environment,
    Observation,
    Policy,
    Project,
    ProjectEnvironment,
    Repository,
)
from groundwork.model.statuses import Status
from groundwork.resources import ownership

ID, OTHER = UUID(int=1), UUID(int=2)
"""Id of this project, and of another one."""
NAMESPACE = "project-shop-dev"
PENDING = Observation(Status.PENDING, "Recorded")
PROJECT = Project(
    id=ID,
    organization_id=UUID(int=3),
    slug="shop",
    name="Shop",
    requested_by=UUID(int=4),
    template_id="web-service",
    template_version="1.0.0",
    template_answers={},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    state=PENDING,
)
REPOSITORY = Repository(
    id=UUID(int=5),
    project_id=ID,
    path="platform/shop",
    visibility="private",
    default_branch="main",
    description="Sells",
    gitlab_id=7,
    http_url="https://git.example.com/platform/shop.git",
    web_url="https://git.example.com/platform/shop",
    created_by_us=True,
    state=PENDING,
)
ENVIRONMENT = ProjectEnvironment(
    UUID(int=8),
    ID,
    Environment(UUID(int=6), UUID(int=3), "dev", "Development", "cluster", Policy()),
    NAMESPACE,
    PENDING,
)
IN_GITLAB = GitLabProject(
    id=7,
    path="platform/shop",
    name="Shop",
    description="Sells",
    visibility="private",
    default_branch="main",
    archived=False,
    http_url="https://git.example.com/platform/shop.git",
    web_url="https://git.example.com/platform/shop",
    topics=ownership.topics(ID),
    deletion_date=None,
)
