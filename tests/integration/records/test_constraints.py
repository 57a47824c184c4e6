"""The schema refuses wrong states, whoever writes: every case breaks one rule of an otherwise right row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import IntegrityError
from psycopg.errors import RestrictViolation

from .world import World

# (the rule, a statement that breaks it); the tables hold what `filled` puts there.
CASES: list[tuple[str, LiteralString]] = [
    ("organizations_slug_key", "INSERT INTO organizations (slug, name) VALUES ('platform', 'Another')"),
    ("slug_format", "INSERT INTO organizations (slug, name) VALUES ('Platform!', 'Another')"),
    ("slug_format", "INSERT INTO organizations (slug, name) VALUES ('a--b', 'Another')"),
    ("slug_format", "INSERT INTO organizations (slug, name) VALUES (E'platform\\n', 'Another')"),
    ("slug_format", "UPDATE projects SET slug = repeat('a', 64)"),
    ("slug_not_an_id", "UPDATE projects SET slug = '123e4567-e89b-12d3-a456-426614174000'"),
    ("organizations_name_given", "UPDATE organizations SET name = E' \\t'"),
    ("users_username_key", "INSERT INTO users (username, name) VALUES ('demo', 'Another')"),
    ("users_username_format", "INSERT INTO users (username, name) VALUES ('no spaces', 'Another')"),
    ("users_username_not_an_id", "UPDATE users SET username = '123E4567-e89b-12d3-a456-426614174000'"),
    (
        "memberships_organization_user_key",
        "INSERT INTO memberships (organization_id, user_id) SELECT organization_id, user_id FROM memberships",
    ),
    (
        "environments_organization_slug_key",
        "INSERT INTO environments (organization_id, slug, name, cluster)"
        " SELECT organization_id, slug, 'Another', 'cluster_b' FROM environments",
    ),
    ("environments_cluster_format", "UPDATE environments SET cluster = 'a b' WHERE slug = 'spare'"),
    ("environments_policy_object", "UPDATE environments SET policy = '[]'"),
    ("projects_slug_key", "UPDATE projects SET slug = 'other' WHERE slug = 'billing'"),
    ("resource_status_known", "UPDATE projects SET status = 'ready'"),
    ("reason_format", "UPDATE projects SET reason = 'not one word'"),
    ("projects_observed", "UPDATE projects SET status = 'applied', observed_at = NULL"),
    ("projects_synced_revision", "UPDATE projects SET status = 'synced', observed_at = now(), revision = ''"),
    ("projects_failed_message", "UPDATE projects SET status = 'failed', observed_at = now(), message = ''"),
    ("projects_answers_object", "UPDATE projects SET template_answers = '1'"),
    (
        "repositories_project_key",
        "INSERT INTO repositories (project_id, path, visibility, default_branch)"
        " SELECT project_id, 'a/b', visibility, default_branch FROM repositories WHERE path LIKE '%billing'",
    ),
    (
        "repositories_path_key",
        "UPDATE repositories SET path = 'Platform/OTHER' WHERE path = 'platform/billing'",
    ),
    ("repositories_gitlab_key", "UPDATE repositories SET gitlab_id = 1"),
    ("repositories_path_format", "UPDATE repositories SET path = 'nogroup'"),
    ("repositories_visibility_known", "UPDATE repositories SET visibility = 'secret'"),
    ("repositories_branch_given", "UPDATE repositories SET default_branch = ''"),
    (
        "repositories_url_without_credentials",
        "UPDATE repositories SET http_url = 'https://oauth2:glpat-x@git.example.com/a/b.git'",
    ),
    ("repositories_exists", "UPDATE repositories SET status = 'applied', observed_at = now()"),
    (
        "repositories_synced_revision",
        "UPDATE repositories SET status = 'synced', observed_at = now(), gitlab_id = 1, http_url = 'http://a/b'"
        " WHERE path = 'platform/billing'",
    ),
    ("repositories_observed", "UPDATE repositories SET status = 'failed', message = 'no'"),
    ("repositories_failed_message", "UPDATE repositories SET status = 'failed', observed_at = now()"),
    (
        "project_environments_project_environment_key",
        "UPDATE project_environments SET environment_id = (SELECT id FROM environments WHERE slug = 'dev')",
    ),
    (
        "project_environments_cluster_namespace_key",
        "UPDATE project_environments SET namespace = 'project-other-dev'"
        " WHERE namespace = 'project-billing-dev'",
    ),
    ("project_environments_namespace_format", "UPDATE project_environments SET namespace = 'Dev_1'"),
    (
        "project_environments_environment_fkey",
        "UPDATE project_environments SET environment_id = (SELECT id FROM environments WHERE slug = 'alien')"
        " WHERE namespace = 'project-billing-dev'",
    ),
    (
        "project_environments_cluster_fkey",
        "INSERT INTO project_environments (project_id, environment_id, organization_id, cluster, namespace)"
        " SELECT projects.id, environments.id, projects.organization_id, 'cluster_b', 'project-billing-qa'"
        " FROM projects, environments WHERE projects.slug = 'billing' AND environments.slug = 'qa'",
    ),
    ("project_environments_cluster_fkey", "UPDATE environments SET cluster = 'moved' WHERE slug = 'dev'"),
    (
        "project_environments_synced_revision",
        "UPDATE project_environments SET status = 'synced', observed_at = now()",
    ),
    ("project_environments_observed", "UPDATE project_environments SET status = 'drifted'"),
    (
        "project_environments_failed_message",
        "UPDATE project_environments SET status = 'failed', observed_at = now()",
    ),
    ("gitops_resources_environment_kind_key", "UPDATE gitops_resources SET kind = 'Namespace'"),
    ("gitops_resources_kind_known", "UPDATE gitops_resources SET kind = 'Secret'"),
    ("gitops_resources_environment_fkey", "UPDATE gitops_resources SET namespace = 'elsewhere'"),
    ("gitops_resources_name_format", "UPDATE gitops_resources SET name = '../x'"),
    ("gitops_resources_observed", "UPDATE gitops_resources SET status = 'synced', revision = 'a'"),
    (
        "gitops_resources_synced_revision",
        "UPDATE gitops_resources SET status = 'synced', observed_at = now() WHERE kind = 'Kustomization'",
    ),
    (
        "gitops_resources_synced_revision",
        "UPDATE gitops_resources SET status = 'synced', observed_at = now() WHERE kind = 'GitRepository'",
    ),
    ("gitops_resources_failed_message", "UPDATE gitops_resources SET status = 'failed', observed_at = now()"),
    (
        "operations_run_key",
        "UPDATE operations SET run_id = 'run-2' WHERE run_id = 'run-1'",
    ),
    (
        "reconcile_passes_run_key",
        "INSERT INTO reconcile_passes (dag_id, run_id) SELECT dag_id, run_id FROM reconcile_passes",
    ),
    ("reconcile_passes_status_known", "UPDATE reconcile_passes SET status = 'done', finished_at = now()"),
    ("reconcile_passes_selection_object", "UPDATE reconcile_passes SET selection = '[]'"),
    ("reconcile_passes_problems_array", "UPDATE reconcile_passes SET problems = '{}'"),
    ("reconcile_passes_counts_object", "UPDATE reconcile_passes SET counts = '[]'"),
    ("reconcile_passes_finished", "UPDATE reconcile_passes SET status = 'complete'"),
    (
        "findings_thing_key",
        "INSERT INTO findings (pass_id, system, class, kind, name, policy, state, message)"
        " SELECT pass_id, system, class, kind, name, policy, state, message FROM findings",
    ),
    ("findings_class_format", "UPDATE findings SET class = 'Not words'"),
    ("findings_policy_known", "UPDATE findings SET policy = 'ignore'"),
    ("findings_state_known", "UPDATE findings SET state = 'unknown'"),
    ("findings_differences_array", "UPDATE findings SET differences = '{}'"),
    ("findings_ended", "UPDATE findings SET state = 'healed'"),
    ("operations_kind_known", "UPDATE operations SET kind = 'destroy'"),
    ("operations_status_known", "UPDATE operations SET status = 'done', finished_at = now()"),
    ("operations_finished", "UPDATE operations SET status = 'succeeded'"),
    ("operations_finished", "UPDATE operations SET finished_at = now()"),
    (
        "operations_failed_reason",
        "UPDATE operations SET status = 'failed', finished_at = now(), reason = 'Broken', message = ''",
    ),
    (
        "operations_one_running_idx",
        "INSERT INTO operations (project_id, kind, dag_id, run_id, requested_by)"
        " SELECT project_id, kind, dag_id, run_id || '-again', requested_by FROM operations",
    ),
    (
        "operation_steps_step_key",
        "INSERT INTO operation_steps (operation_id, step, intent)"
        " SELECT operation_id, step, intent FROM operation_steps",
    ),
    ("operation_steps_step_format", "UPDATE operation_steps SET step = 'Create it'"),
    ("operation_steps_attempts_counted", "UPDATE operation_steps SET attempts = 0"),
    ("operation_steps_finished", "UPDATE operation_steps SET status = 'succeeded', result = '{}'"),
    (
        "operation_steps_succeeded_result",
        "UPDATE operation_steps SET status = 'succeeded', finished_at = now()",
    ),
    ("operation_steps_failed_reason", "UPDATE operation_steps SET status = 'failed', finished_at = now()"),
    (
        "leases_operation_fkey",
        "UPDATE leases SET operation_id = (SELECT id FROM operations WHERE run_id = 'run-2')",
    ),
    (
        "leases_pkey",
        "INSERT INTO leases SELECT project_id, operation_id, now(), now() FROM leases",
    ),
    (
        "audit_events_action_format",
        "INSERT INTO audit_events (actor, action) VALUES ('demo', 'did something')",
    ),
    ("audit_events_actor_given", "INSERT INTO audit_events (actor, action) VALUES ('', 'project.seen')"),
    ("repositories_project_id_fkey", "DELETE FROM projects"),
    ("environments_organization_id_fkey", "DELETE FROM organizations WHERE slug = 'platform'"),
    ("users_name_given", "UPDATE users SET name = ' '"),
    ("environments_name_given", "UPDATE environments SET name = ''"),
    ("projects_name_given", "UPDATE projects SET name = ''"),
    ("projects_template_given", "UPDATE projects SET template_version = ''"),
    ("operations_run_given", "UPDATE operations SET run_id = '' WHERE run_id = 'run-1'"),
    ("operations_request_object", "UPDATE operations SET request = 'null'"),
    ("operation_steps_scope_format", "UPDATE operation_steps SET scope = '../dev'"),
    ("operation_steps_status_known", "UPDATE operation_steps SET status = 'begun', finished_at = now()"),
    ("operation_steps_intent_object", "UPDATE operation_steps SET intent = '[]'"),
    ("operation_steps_result_object", "UPDATE operation_steps SET result = '\"x\"'"),
    (
        "audit_events_details_object",
        "INSERT INTO audit_events (actor, action, details) VALUES ('demo', 'project.seen', '7')",
    ),
]


@pytest.fixture(scope="module")
def filled(module_dsn: str) -> Iterator[psycopg.Connection]:
    """Two projects with environments `dev` and `prod`, an organization of others, a step, a finding."""
    world = World(module_dsn)
    operation, _ = world.recorded("billing", "run-1")
    world.recorded("other", "run-2")
    world.records.ledger.begin(operation.id, "create_repository", "", {})
    directory = world.records.directory
    others = directory.ensure_organization("others", "Others")
    directory.ensure_environment(others.id, "alien", "Alien", "cluster_a")
    directory.ensure_environment(world.organization.id, "qa", "Quality", "cluster_a")
    directory.ensure_environment(others.id, "spare", "Spare", "cluster_a")
    world.records.close()
    with psycopg.connect(module_dsn) as connection:
        connection.execute(
            "WITH pass AS ("
            "  INSERT INTO reconcile_passes (dag_id, run_id) VALUES ('reconcile_projects', 'run-3')"
            "  RETURNING id)"
            " INSERT INTO findings (pass_id, system, class, kind, name, policy, state, message)"
            " SELECT id, 'gitlab', 'orphan', 'Repository', 'a/b', 'report', 'open', 'nobody''s' FROM pass"
        )
        connection.commit()
        yield connection


@pytest.mark.parametrize(
    ("rule", "statement"), CASES, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(CASES)]
)
def test_refuses(filled: psycopg.Connection, rule: str, statement: LiteralString) -> None:
    with pytest.raises(IntegrityError) as refused:
        filled.execute(statement)
    filled.rollback()
    assert refused.value.diag.constraint_name == rule


def test_every_rule_of_the_schema_has_a_case(filled: psycopg.Connection) -> None:
    rows = filled.execute(
        "SELECT conname FROM pg_constraint"
        " WHERE contype IN ('c', 'u') AND connamespace = 'public'::regnamespace"
    ).fetchall()
    filled.rollback()
    # These hold an id together with what depends on it, so that foreign keys can point at both.
    supporting = {
        *("environments_id_organization_key", "environments_id_cluster_key", "projects_id_organization_key"),
        *("project_environments_place_key", "operations_id_project_key"),
    }
    untested = {name for (name,) in rows} - {rule for rule, _ in CASES} - supporting
    assert untested == set()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'nobody'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "TRUNCATE projects CASCADE",
    ],
)
def test_the_audit_trail_only_grows(filled: psycopg.Connection, statement: LiteralString) -> None:
    with pytest.raises(RestrictViolation, match="audit_events only grows"):
        filled.execute(statement)
    filled.rollback()


def test_every_change_moves_updated_at(filled: psycopg.Connection) -> None:
    tables = "SELECT table_name FROM information_schema.columns WHERE column_name = 'updated_at'"
    guarded = "SELECT event_object_table FROM information_schema.triggers WHERE action_timing = 'BEFORE'"
    assert not set(filled.execute(tables)) - set(filled.execute(guarded))
    moved = filled.execute(
        "UPDATE users SET name = 'Renamed' WHERE username = 'demo' RETURNING updated_at > created_at"
    ).fetchone()
    filled.rollback()
    assert moved == (True,)
