"""The tables of people, places and projects. Unique constraints decide races; rules live elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sandbox.gitlab.store.base import Base, Caseless, Id, now


class User(Base):
    """A person or a bot. Bots own project and group access tokens."""

    __tablename__ = "users"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Id]
    username: Mapped[Caseless] = mapped_column(String(255, collation="NOCASE"), unique=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(String(255, collation="NOCASE"), unique=True)
    state: Mapped[str] = mapped_column(default="active")
    admin: Mapped[bool] = mapped_column(default=False)
    external: Mapped[bool] = mapped_column(default=False)
    bot: Mapped[bool] = mapped_column(default=False)
    can_create_group: Mapped[bool] = mapped_column(default=True)
    projects_limit: Mapped[int] = mapped_column(default=100000)
    bio: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)


class Namespace(Base):
    """A place for projects: a group, or a user's own. `parent_id` nests groups."""

    __tablename__ = "namespaces"
    __table_args__ = (
        UniqueConstraint("parent_id", "path"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    kind: Mapped[str]
    name: Mapped[str]
    path: Mapped[Caseless]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("namespaces.id"), index=True)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    description: Mapped[str] = mapped_column(default="")
    visibility: Mapped[str] = mapped_column(default="private")
    created_at: Mapped[datetime] = mapped_column(default=now)
    marked_for_deletion_on: Mapped[date | None]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    parent: Mapped[Namespace | None] = relationship(remote_side="Namespace.id")


class Route(Base):
    """The one place where a full path belongs to a namespace or a project; case does not matter."""

    __tablename__ = "routes"
    __table_args__ = (UniqueConstraint("source_type", "source_id"),)

    id: Mapped[Id]
    path: Mapped[Caseless] = mapped_column(String(collation="NOCASE"), unique=True)
    source_type: Mapped[str]
    source_id: Mapped[int]


class RedirectRoute(Base):
    """A path something had before a rename or transfer, until another takes it."""

    __tablename__ = "redirect_routes"

    id: Mapped[Id]
    path: Mapped[Caseless] = mapped_column(String(collation="NOCASE"), unique=True)
    source_type: Mapped[str]
    source_id: Mapped[int]


class Project(Base):
    """A project and where its bare repository lies. `settings` holds the plain switches."""

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("namespace_id", "path"),
        UniqueConstraint("namespace_id", "name"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    namespace_id: Mapped[int] = mapped_column(ForeignKey("namespaces.id"), index=True)
    name: Mapped[Caseless]
    path: Mapped[Caseless]
    description: Mapped[str | None]
    visibility: Mapped[str]
    default_branch: Mapped[str | None]
    creator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    last_activity_at: Mapped[datetime] = mapped_column(default=now)
    archived: Mapped[bool] = mapped_column(default=False)
    empty: Mapped[bool] = mapped_column(default=True)
    storage: Mapped[str] = mapped_column(unique=True)
    marked_for_deletion_on: Mapped[date | None]
    path_before_deletion: Mapped[str | None]
    name_before_deletion: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    namespace: Mapped[Namespace] = relationship(lazy="joined", innerjoin=True)
    topics: Mapped[list[Topic]] = relationship(
        secondary="project_topics", order_by="Topic.name", lazy="selectin"
    )


class Topic(Base):
    """A label shared by projects; its name is unique whatever the case."""

    __tablename__ = "topics"

    id: Mapped[Id]
    name: Mapped[Caseless] = mapped_column(String(255, collation="NOCASE"), unique=True)
    title: Mapped[str]
    description: Mapped[str | None]


class ProjectTopic(Base):
    """Which project carries which topic."""

    __tablename__ = "project_topics"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(
        ForeignKey("topics.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Member(Base):
    """A user's role in a group (`namespace`) or project (`project`)."""

    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("source_type", "source_id", "user_id"),)

    id: Mapped[Id]
    source_type: Mapped[str]
    source_id: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    access_level: Mapped[int]
    expires_at: Mapped[date | None]
    created_by_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class AccessToken(Base):
    """A personal, project or group access token. Only the SHA-256 of the secret is kept."""

    __tablename__ = "access_tokens"

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    source_type: Mapped[str | None]
    source_id: Mapped[int | None]
    name: Mapped[str]
    description: Mapped[str | None]
    scopes: Mapped[list[str]]
    digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[date | None]
    revoked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    previous_id: Mapped[int | None]
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)


class DeployToken(Base):
    """A read-only credential for git, of one project or group. Names are not unique."""

    __tablename__ = "deploy_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[Id]
    source_type: Mapped[str]
    source_id: Mapped[int]
    name: Mapped[str]
    username: Mapped[str]
    scopes: Mapped[list[str]]
    digest: Mapped[str] = mapped_column(unique=True)
    expires_at: Mapped[datetime | None]
    revoked: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


Index("members_by_source", Member.source_type, Member.source_id)
Index("deploy_tokens_by_source", DeployToken.source_type, DeployToken.source_id)
