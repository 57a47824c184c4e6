"""What a project is made of: projects, repositories, project_environments, gitops_resources.

The four tables share the columns of an observation: status, reason, message, observed_at, revision. A status
says no more than was seen: `synced` needs when and which revision, `failed` needs why.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

_STATUS = r"""
CREATE DOMAIN resource_status AS text CONSTRAINT resource_status_known CHECK (
    VALUE IN ('pending', 'applied', 'synced', 'failed', 'drifted', 'removing', 'removed')
)
"""

# Reasons have the form of a Kubernetes condition's reason, because many are one.
_REASON = r"""
CREATE DOMAIN reason AS text CONSTRAINT reason_format CHECK (
    VALUE ~ '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' AND length(VALUE) <= 1024
)
"""

_PROJECTS = r"""
CREATE TABLE projects (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id   uuid NOT NULL REFERENCES organizations,
    slug              slug NOT NULL,
    name              text NOT NULL,
    requested_by      uuid NOT NULL REFERENCES users,
    template_id       text NOT NULL,
    template_version  text NOT NULL,
    template_answers  jsonb NOT NULL DEFAULT '{}',
    status            resource_status NOT NULL DEFAULT 'pending',
    reason            reason NOT NULL DEFAULT 'Recorded',
    message           text NOT NULL DEFAULT '',
    observed_at       timestamptz,
    revision          text,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT projects_slug_key UNIQUE (slug),
    CONSTRAINT projects_id_organization_key UNIQUE (id, organization_id),
    CONSTRAINT projects_name_given CHECK (name ~ '\S'),
    CONSTRAINT projects_template_given CHECK (template_id <> '' AND template_version <> ''),
    CONSTRAINT projects_answers_object CHECK (jsonb_typeof(template_answers) = 'object'),
    CONSTRAINT projects_observed CHECK (status = 'pending' OR observed_at IS NOT NULL),
    CONSTRAINT projects_synced_revision CHECK (status <> 'synced' OR revision <> '' AND revision IS NOT NULL),
    CONSTRAINT projects_failed_message CHECK (status <> 'failed' OR message <> '')
);
CREATE INDEX projects_organization_idx ON projects (organization_id, created_at DESC);
CREATE INDEX projects_status_idx ON projects (status);
CREATE INDEX projects_template_idx ON projects (template_id);
CREATE INDEX projects_created_idx ON projects (created_at DESC, id DESC)
"""

# An address with user information in it would keep a token in clear.
_REPOSITORIES = r"""
CREATE TABLE repositories (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id      uuid NOT NULL REFERENCES projects,
    path            text NOT NULL,
    visibility      text NOT NULL,
    default_branch  text NOT NULL,
    description     text NOT NULL DEFAULT '',
    gitlab_id       bigint,
    http_url        text,
    web_url         text,
    created_by_us   boolean NOT NULL DEFAULT false,
    status          resource_status NOT NULL DEFAULT 'pending',
    reason          reason NOT NULL DEFAULT 'Recorded',
    message         text NOT NULL DEFAULT '',
    observed_at     timestamptz,
    revision        text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT repositories_project_key UNIQUE (project_id),
    CONSTRAINT repositories_gitlab_key UNIQUE (gitlab_id),
    CONSTRAINT repositories_path_format CHECK (path ~ '^[^/\s]+(/[^/\s]+)+$'),
    CONSTRAINT repositories_visibility_known CHECK (visibility IN ('private', 'internal', 'public')),
    CONSTRAINT repositories_branch_given CHECK (default_branch ~ '^\S+$'),
    CONSTRAINT repositories_url_without_credentials CHECK (
        http_url !~ '^[a-zA-Z]+://[^/]*@' AND web_url !~ '^[a-zA-Z]+://[^/]*@'
    ),
    CONSTRAINT repositories_exists CHECK (
        status NOT IN ('applied', 'synced', 'drifted') OR gitlab_id IS NOT NULL AND http_url IS NOT NULL
    ),
    CONSTRAINT repositories_observed CHECK (status = 'pending' OR observed_at IS NOT NULL),
    CONSTRAINT repositories_synced_revision CHECK (
        status <> 'synced' OR revision <> '' AND revision IS NOT NULL
    ),
    CONSTRAINT repositories_failed_message CHECK (status <> 'failed' OR message <> '')
);
CREATE UNIQUE INDEX repositories_path_key ON repositories (lower(path));
CREATE INDEX repositories_status_idx ON repositories (status)
"""

# The wider foreign keys say: only environments of the project's organization, and a cluster that is the
# environment's own, so an environment cannot move to another cluster while projects live in it.
_PROJECT_ENVIRONMENTS = r"""
CREATE TABLE project_environments (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id       uuid NOT NULL,
    environment_id   uuid NOT NULL,
    organization_id  uuid NOT NULL,
    cluster          text NOT NULL,
    namespace        text NOT NULL,
    status           resource_status NOT NULL DEFAULT 'pending',
    reason           reason NOT NULL DEFAULT 'Recorded',
    message          text NOT NULL DEFAULT '',
    observed_at      timestamptz,
    revision         text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT project_environments_project_environment_key UNIQUE (project_id, environment_id),
    CONSTRAINT project_environments_cluster_namespace_key UNIQUE (cluster, namespace),
    CONSTRAINT project_environments_place_key UNIQUE (id, cluster, namespace),
    CONSTRAINT project_environments_project_fkey
        FOREIGN KEY (project_id, organization_id) REFERENCES projects (id, organization_id),
    CONSTRAINT project_environments_environment_fkey
        FOREIGN KEY (environment_id, organization_id) REFERENCES environments (id, organization_id),
    CONSTRAINT project_environments_cluster_fkey
        FOREIGN KEY (environment_id, cluster) REFERENCES environments (id, cluster),
    CONSTRAINT project_environments_namespace_format CHECK (
        namespace ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' AND length(namespace) <= 63
    ),
    CONSTRAINT project_environments_observed CHECK (status = 'pending' OR observed_at IS NOT NULL),
    CONSTRAINT project_environments_synced_revision CHECK (
        status <> 'synced' OR revision <> '' AND revision IS NOT NULL
    ),
    CONSTRAINT project_environments_failed_message CHECK (status <> 'failed' OR message <> '')
);
CREATE INDEX project_environments_environment_idx ON project_environments (environment_id);
CREATE INDEX project_environments_status_idx ON project_environments (status)
"""

_GITOPS_RESOURCES = r"""
CREATE TABLE gitops_resources (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_environment_id  uuid NOT NULL,
    kind                    text NOT NULL,
    cluster                 text NOT NULL,
    namespace               text NOT NULL,
    name                    text NOT NULL,
    external_id             text,
    created_by_us           boolean NOT NULL DEFAULT false,
    status                  resource_status NOT NULL DEFAULT 'pending',
    reason                  reason NOT NULL DEFAULT 'Recorded',
    message                 text NOT NULL DEFAULT '',
    observed_at             timestamptz,
    revision                text,
    created_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT gitops_resources_environment_kind_key UNIQUE (project_environment_id, kind),
    CONSTRAINT gitops_resources_environment_fkey
        FOREIGN KEY (project_environment_id, cluster, namespace)
        REFERENCES project_environments (id, cluster, namespace) ON DELETE CASCADE,
    CONSTRAINT gitops_resources_kind_known CHECK (
        kind IN ('Namespace', 'Guardrails', 'Credentials', 'GitRepository', 'Kustomization')
    ),
    CONSTRAINT gitops_resources_name_format CHECK (
        name ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' AND length(name) <= 253
    ),
    CONSTRAINT gitops_resources_observed CHECK (status = 'pending' OR observed_at IS NOT NULL),
    CONSTRAINT gitops_resources_synced_revision CHECK (
        status <> 'synced'
        OR kind NOT IN ('GitRepository', 'Kustomization')
        OR revision <> '' AND revision IS NOT NULL
    ),
    CONSTRAINT gitops_resources_failed_message CHECK (status <> 'failed' OR message <> '')
);
CREATE INDEX gitops_resources_status_idx ON gitops_resources (status)
"""


def upgrade() -> None:
    tables = (_PROJECTS, _REPOSITORIES, _PROJECT_ENVIRONMENTS, _GITOPS_RESOURCES)
    for statement in (_STATUS, _REASON, *tables):
        op.execute(statement)
