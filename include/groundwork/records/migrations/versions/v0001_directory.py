"""Who asks and where things go: organizations, users, memberships, environments."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

# A slug in the shape of an id could be mistaken for one wherever a record is named by id or slug.
_SLUG = r"""
CREATE DOMAIN slug AS text
    CONSTRAINT slug_format CHECK (VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(VALUE) <= 63)
    CONSTRAINT slug_not_an_id CHECK (VALUE !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
"""

_ORGANIZATIONS = r"""
CREATE TABLE organizations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug        slug NOT NULL,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT organizations_slug_key UNIQUE (slug),
    CONSTRAINT organizations_name_given CHECK (name ~ '\S')
)
"""

_USERS = r"""
CREATE TABLE users (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username    text NOT NULL,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT users_username_key UNIQUE (username),
    CONSTRAINT users_username_format CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$'),
    CONSTRAINT users_username_not_an_id CHECK (username !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
    CONSTRAINT users_name_given CHECK (name ~ '\S')
)
"""

_MEMBERSHIPS = r"""
CREATE TABLE memberships (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT memberships_organization_user_key UNIQUE (organization_id, user_id)
);
CREATE INDEX memberships_user_idx ON memberships (user_id)
"""

# The two wider keys are what the foreign keys of project_environments lean on.
_ENVIRONMENTS = r"""
CREATE TABLE environments (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL REFERENCES organizations,
    slug             slug NOT NULL,
    name             text NOT NULL,
    cluster          text NOT NULL,
    policy           jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT environments_organization_slug_key UNIQUE (organization_id, slug),
    CONSTRAINT environments_id_organization_key UNIQUE (id, organization_id),
    CONSTRAINT environments_id_cluster_key UNIQUE (id, cluster),
    CONSTRAINT environments_name_given CHECK (name ~ '\S'),
    CONSTRAINT environments_cluster_format CHECK (cluster ~ '^[A-Za-z0-9_.-]{1,200}$'),
    CONSTRAINT environments_policy_object CHECK (jsonb_typeof(policy) = 'object')
)
"""


def upgrade() -> None:
    for statement in (_SLUG, _ORGANIZATIONS, _USERS, _MEMBERSHIPS, _ENVIRONMENTS):
        op.execute(statement)
