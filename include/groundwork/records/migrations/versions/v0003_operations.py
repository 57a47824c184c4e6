"""What was done: operations, their steps, the lease of each project, and the audit trail."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

# One running operation per project, whatever the lease says.
_OPERATIONS = r"""
CREATE TABLE operations (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id    uuid NOT NULL REFERENCES projects,
    kind          text NOT NULL,
    dag_id        text NOT NULL,
    run_id        text NOT NULL,
    requested_by  uuid NOT NULL REFERENCES users,
    triggered_by  text,
    request       jsonb NOT NULL DEFAULT '{}',
    status        text NOT NULL DEFAULT 'running',
    reason        reason,
    message       text,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT operations_run_key UNIQUE (dag_id, run_id),
    CONSTRAINT operations_id_project_key UNIQUE (id, project_id),
    CONSTRAINT operations_kind_known CHECK (
        kind IN ('initialize', 'reconcile', 'repair', 'decommission', 'upgrade')
    ),
    CONSTRAINT operations_status_known CHECK (status IN ('running', 'succeeded', 'failed')),
    CONSTRAINT operations_run_given CHECK (dag_id <> '' AND run_id <> ''),
    CONSTRAINT operations_request_object CHECK (jsonb_typeof(request) = 'object'),
    CONSTRAINT operations_finished CHECK ((status = 'running') = (finished_at IS NULL)),
    CONSTRAINT operations_failed_reason CHECK (
        status <> 'failed' OR reason IS NOT NULL AND message IS NOT NULL AND message <> ''
    )
);
CREATE UNIQUE INDEX operations_one_running_idx ON operations (project_id) WHERE status = 'running';
CREATE INDEX operations_project_idx ON operations (project_id, started_at DESC);
CREATE INDEX operations_started_idx ON operations (started_at DESC)
"""

_OPERATION_STEPS = r"""
CREATE TABLE operation_steps (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    operation_id uuid NOT NULL REFERENCES operations,
    step         text NOT NULL,
    scope        text NOT NULL DEFAULT '',
    status       text NOT NULL DEFAULT 'running',
    attempts     integer NOT NULL DEFAULT 1,
    intent       jsonb NOT NULL,
    result       jsonb,
    external_id  text,
    created      boolean,
    reason       reason,
    message      text,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT operation_steps_step_key UNIQUE (operation_id, step, scope),
    CONSTRAINT operation_steps_step_format CHECK (step ~ '^[a-z][a-z0-9_]*$'),
    CONSTRAINT operation_steps_scope_format CHECK (scope ~ '^([a-z0-9]+(-[a-z0-9]+)*)?$'),
    CONSTRAINT operation_steps_status_known CHECK (status IN ('running', 'succeeded', 'failed')),
    CONSTRAINT operation_steps_attempts_counted CHECK (attempts >= 1),
    CONSTRAINT operation_steps_intent_object CHECK (jsonb_typeof(intent) = 'object'),
    CONSTRAINT operation_steps_result_object CHECK (jsonb_typeof(result) = 'object'),
    CONSTRAINT operation_steps_finished CHECK ((status = 'running') = (finished_at IS NULL)),
    CONSTRAINT operation_steps_succeeded_result CHECK (status <> 'succeeded' OR result IS NOT NULL),
    CONSTRAINT operation_steps_failed_reason CHECK (
        status <> 'failed' OR reason IS NOT NULL AND message IS NOT NULL AND message <> ''
    )
)
"""

# The row stays when the lease ends: it names the last holder, who alone may take it up again by renewing.
_LEASES = r"""
CREATE TABLE leases (
    project_id    uuid PRIMARY KEY REFERENCES projects,
    operation_id  uuid NOT NULL,
    acquired_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL,
    CONSTRAINT leases_operation_fkey
        FOREIGN KEY (operation_id, project_id) REFERENCES operations (id, project_id)
)
"""

_AUDIT_EVENTS = r"""
CREATE TABLE audit_events (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor         text NOT NULL,
    action        text NOT NULL,
    project_id    uuid REFERENCES projects,
    operation_id  uuid REFERENCES operations,
    details       jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT audit_events_actor_given CHECK (actor <> ''),
    CONSTRAINT audit_events_action_format CHECK (action ~ '^[a-z][a-z_]*([.][a-z_]+)*$'),
    CONSTRAINT audit_events_details_object CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_events_project_idx ON audit_events (project_id, id);
CREATE INDEX audit_events_operation_idx ON audit_events (operation_id)
"""

_APPEND_ONLY = r"""
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events only grows: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""

_SET_UPDATED_AT = r"""
CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = clock_timestamp();
    RETURN NEW;
END
$$
"""

_UPDATED_AT = """
CREATE TRIGGER {table}_updated_at BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION set_updated_at()
"""
_UPDATED_TABLES = (
    *("organizations", "users", "environments"),
    *("projects", "repositories", "project_environments", "gitops_resources"),
    *("operations", "operation_steps"),
)


def upgrade() -> None:
    for statement in (_OPERATIONS, _OPERATION_STEPS, _LEASES, _AUDIT_EVENTS, _APPEND_ONLY, _SET_UPDATED_AT):
        op.execute(statement)
    for table in _UPDATED_TABLES:
        op.execute(_UPDATED_AT.format(table=table))
