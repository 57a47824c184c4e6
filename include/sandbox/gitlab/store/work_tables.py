"""The tables of what hangs on a project: protection, hooks, variables, merge requests, statuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sandbox.gitlab.store.base import Base, Id, now
from sandbox.gitlab.store.tables import User


class ProtectedBranch(Base):
    """A branch name or wildcard that only some roles may push to or merge into."""

    __tablename__ = "protected_branches"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    allow_force_push: Mapped[bool] = mapped_column(default=False)
    access: Mapped[list[BranchAccess]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="BranchAccess.id"
    )


class BranchAccess(Base):
    """One role that may `push`, `merge` or `unprotect` a protected branch (0: nobody)."""

    __tablename__ = "branch_access"

    id: Mapped[Id]
    protected_branch_id: Mapped[int] = mapped_column(
        ForeignKey("protected_branches.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str]
    access_level: Mapped[int]


class DeployKey(Base):
    """A public SSH key. Kept for API users: the server itself speaks HTTP only."""

    __tablename__ = "deploy_keys"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]
    fingerprint_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeployKeyProject(Base):
    """A deploy key's use in one project."""

    __tablename__ = "deploy_key_projects"
    __table_args__ = (UniqueConstraint("project_id", "deploy_key_id"),)

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    deploy_key_id: Mapped[int] = mapped_column(ForeignKey("deploy_keys.id", ondelete="CASCADE"), index=True)
    title: Mapped[str]
    can_push: Mapped[bool] = mapped_column(default=False)
    deploy_key: Mapped[DeployKey] = relationship(lazy="joined", innerjoin=True)


class Hook(Base):
    """A webhook of a project or group. `token` is sent as it is, so it is kept; answers never show it."""

    __tablename__ = "hooks"

    id: Mapped[Id]
    source_type: Mapped[str]
    source_id: Mapped[int]
    url: Mapped[str]
    name: Mapped[str | None]
    description: Mapped[str | None]
    token: Mapped[str | None]
    events: Mapped[dict[str, Any]] = mapped_column(default=dict)
    push_events_branch_filter: Mapped[str | None]
    enable_ssl_verification: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    failures: Mapped[int] = mapped_column(default=0)
    disabled_until: Mapped[datetime | None]


class HookDelivery(Base):
    """One delivery of a webhook and what the receiver answered."""

    __tablename__ = "hook_deliveries"

    id: Mapped[Id]
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"), index=True)
    trigger: Mapped[str]
    url: Mapped[str]
    request_headers: Mapped[dict[str, Any]]
    request_data: Mapped[dict[str, Any]]
    response_status: Mapped[str]
    response_body: Mapped[str]
    duration: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Variable(Base):
    """A CI/CD variable of a project or group."""

    __tablename__ = "variables"
    __table_args__ = (UniqueConstraint("source_type", "source_id", "key", "environment_scope"),)

    id: Mapped[Id]
    source_type: Mapped[str]
    source_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(255))
    value: Mapped[str]
    variable_type: Mapped[str] = mapped_column(default="env_var")
    protected: Mapped[bool] = mapped_column(default=False)
    masked: Mapped[bool] = mapped_column(default=False)
    hidden: Mapped[bool] = mapped_column(default=False)
    raw: Mapped[bool] = mapped_column(default=False)
    environment_scope: Mapped[str] = mapped_column(default="*")
    description: Mapped[str | None]


class MergeRequest(Base):
    """A proposal to merge one branch into another of the same project."""

    __tablename__ = "merge_requests"
    __table_args__ = (UniqueConstraint("project_id", "iid"),)

    id: Mapped[Id]
    iid: Mapped[int]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    source_branch: Mapped[str]
    target_branch: Mapped[str]
    title: Mapped[str]
    description: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="opened")
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    assignee_ids: Mapped[list[int]] = mapped_column(default=list)
    reviewer_ids: Mapped[list[int]] = mapped_column(default=list)
    labels: Mapped[list[str]] = mapped_column(default=list)
    squash: Mapped[bool] = mapped_column(default=False)
    force_remove_source_branch: Mapped[bool | None]
    allow_collaboration: Mapped[bool] = mapped_column(default=False)
    discussion_locked: Mapped[bool | None]
    sha: Mapped[str | None]
    base_sha: Mapped[str | None]
    start_sha: Mapped[str | None]
    merge_commit_sha: Mapped[str | None]
    squash_commit_sha: Mapped[str | None]
    merge_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    merged_at: Mapped[datetime | None]
    merged_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    author: Mapped[User] = relationship(foreign_keys=[author_id], lazy="joined", innerjoin=True)
    merged_by: Mapped[User | None] = relationship(foreign_keys=[merged_by_id], lazy="joined")
    closed_by: Mapped[User | None] = relationship(foreign_keys=[closed_by_id], lazy="joined")


class CommitStatus(Base):
    """An external job's word on a commit."""

    __tablename__ = "commit_statuses"

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    sha: Mapped[str]
    ref: Mapped[str | None]
    name: Mapped[str]
    status: Mapped[str]
    target_url: Mapped[str | None]
    description: Mapped[str | None]
    coverage: Mapped[float | None]
    pipeline_id: Mapped[int]
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    author: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class Environment(Base):
    """A place a project is deployed to."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[Id]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    slug: Mapped[str]
    external_url: Mapped[str | None]
    description: Mapped[str | None]
    tier: Mapped[str]
    state: Mapped[str] = mapped_column(default="available")
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


Index("hooks_by_source", Hook.source_type, Hook.source_id)
Index("commit_statuses_by_commit", CommitStatus.project_id, CommitStatus.sha)
