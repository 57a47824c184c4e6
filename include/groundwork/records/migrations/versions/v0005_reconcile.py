"""What reconcile passes have seen: one row per pass, one per thing that is or was wrong."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

# `looked_up_to` is the last project whose parts that cannot be listed were read; the next pass goes on there.
_PASSES = r"""
CREATE TABLE reconcile_passes (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dag_id        text NOT NULL,
    run_id        text NOT NULL,
    triggered_by  text,
    selection     jsonb NOT NULL DEFAULT '{}',
    status        text NOT NULL DEFAULT 'running',
    problems      jsonb NOT NULL DEFAULT '[]',
    held          text,
    counts        jsonb NOT NULL DEFAULT '{}',
    looked_up_to  uuid,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    CONSTRAINT reconcile_passes_run_key UNIQUE (dag_id, run_id),
    CONSTRAINT reconcile_passes_status_known CHECK (status IN ('running', 'complete', 'incomplete')),
    CONSTRAINT reconcile_passes_selection_object CHECK (jsonb_typeof(selection) = 'object'),
    CONSTRAINT reconcile_passes_problems_array CHECK (jsonb_typeof(problems) = 'array'),
    CONSTRAINT reconcile_passes_counts_object CHECK (jsonb_typeof(counts) = 'object'),
    CONSTRAINT reconcile_passes_finished CHECK ((status = 'running') = (finished_at IS NULL))
);
CREATE INDEX reconcile_passes_started_idx ON reconcile_passes (started_at DESC)
"""

# One row for as long as a thing is wrong, however many passes see it; pass_id is the last one that did.
_FINDINGS = r"""
CREATE TABLE findings (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    pass_id        uuid NOT NULL REFERENCES reconcile_passes ON DELETE CASCADE,
    project_id     uuid REFERENCES projects ON DELETE CASCADE,
    system         text NOT NULL,
    place          text NOT NULL DEFAULT '',
    scope          text NOT NULL DEFAULT '',
    class          text NOT NULL,
    kind           text NOT NULL,
    name           text NOT NULL,
    policy         text NOT NULL,
    state          text NOT NULL,
    message        text NOT NULL,
    differences    jsonb NOT NULL DEFAULT '[]',
    outcome        text NOT NULL DEFAULT '',
    first_seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    CONSTRAINT findings_thing_key
        UNIQUE NULLS NOT DISTINCT (project_id, system, place, scope, class, kind, name),
    CONSTRAINT findings_class_format CHECK (class ~ '^[a-z]+(_[a-z]+)*$'),
    CONSTRAINT findings_policy_known CHECK (policy IN ('report', 'heal')),
    CONSTRAINT findings_state_known CHECK (
        state IN ('open', 'awaiting_approval', 'held', 'repair_failed', 'healed', 'gone')
    ),
    CONSTRAINT findings_differences_array CHECK (jsonb_typeof(differences) = 'array'),
    CONSTRAINT findings_ended CHECK ((state IN ('healed', 'gone')) = (ended_at IS NOT NULL))
);
CREATE INDEX findings_pass_idx ON findings (pass_id);
CREATE INDEX findings_project_idx ON findings (project_id);
CREATE INDEX findings_open_idx ON findings (last_seen_at DESC) WHERE ended_at IS NULL
"""


def upgrade() -> None:
    for statement in (_PASSES, _FINDINGS):
        op.execute(statement)
