"""The plain switches of projects and groups, with a new one's defaults."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_FEATURES = {
    "issues": "issues_enabled",
    "merge_requests": "merge_requests_enabled",
    "wiki": "wiki_enabled",
    "builds": "jobs_enabled",
    "snippets": "snippets_enabled",
    "container_registry": "container_registry_enabled",
}


class ProjectSettings(BaseModel):
    """A project's plain switches: kept as given, answered as kept. Defaults are a new project's."""

    model_config = ConfigDict(extra="ignore")

    packages_enabled: bool | None = True
    resolve_outdated_diff_discussions: bool | None = False
    container_registry_enabled: bool = True
    issues_enabled: bool = True
    merge_requests_enabled: bool = True
    wiki_enabled: bool = True
    jobs_enabled: bool = True
    snippets_enabled: bool = True
    service_desk_enabled: bool | None = True
    can_create_merge_request_in: bool = True
    issues_access_level: str = "enabled"
    repository_access_level: str = "enabled"
    merge_requests_access_level: str = "enabled"
    forking_access_level: str = "enabled"
    wiki_access_level: str = "enabled"
    builds_access_level: str = "enabled"
    snippets_access_level: str = "enabled"
    pages_access_level: str = "private"
    analytics_access_level: str = "enabled"
    container_registry_access_level: str = "enabled"
    security_and_compliance_access_level: str = "private"
    releases_access_level: str = "enabled"
    environments_access_level: str = "enabled"
    feature_flags_access_level: str = "enabled"
    infrastructure_access_level: str = "enabled"
    monitor_access_level: str = "enabled"
    model_experiments_access_level: str = "enabled"
    model_registry_access_level: str = "enabled"
    operations_access_level: str = "enabled"
    requirements_access_level: str = "enabled"
    package_registry_access_level: str = "enabled"
    emails_disabled: bool | None = False
    emails_enabled: bool = True
    shared_runners_enabled: bool = True
    group_runners_enabled: bool = True
    lfs_enabled: bool = True
    public_jobs: bool = True
    build_git_strategy: str = "fetch"
    build_timeout: int = 3600
    auto_cancel_pending_pipelines: str = "enabled"
    build_coverage_regex: str | None = None
    ci_config_path: str | None = ""
    ci_default_git_depth: int | None = 20
    ci_delete_pipelines_in_seconds: int | None = None
    ci_forward_deployment_enabled: bool | None = True
    ci_forward_deployment_rollback_allowed: bool = True
    ci_job_token_scope_enabled: bool = False
    ci_separated_caches: bool = True
    ci_allow_fork_pipelines_to_run_in_parent_project: bool = True
    ci_id_token_sub_claim_components: list[str] = Field(
        default_factory=lambda: ["project_path", "ref_type", "ref"]
    )
    ci_pipeline_variables_minimum_override_role: str = "developer"
    ci_push_repository_for_job_token_allowed: bool = False
    only_allow_merge_if_pipeline_succeeds: bool = False
    allow_merge_on_skipped_pipeline: bool | None = False
    request_access_enabled: bool = True
    only_allow_merge_if_all_discussions_are_resolved: bool = False
    remove_source_branch_after_merge: bool | None = True
    printing_merge_request_link_enabled: bool = True
    merge_method: str = "merge"
    squash_option: str = "default_off"
    merge_pipelines_enabled: bool = False
    merge_trains_enabled: bool = False
    enforce_auth_checks_on_uploads: bool = True
    suggestion_commit_message: str | None = None
    merge_commit_template: str | None = None
    squash_commit_template: str | None = None
    issue_branch_template: str | None = None
    issues_template: str | None = None
    merge_requests_template: str | None = None
    warn_about_potentially_unwanted_characters: bool = True
    autoclose_referenced_issues: bool = True
    auto_devops_enabled: bool = False
    auto_devops_deploy_strategy: str = "continuous"
    approvals_before_merge: int = 0
    mirror: bool = False
    external_authorization_classification_label: str = ""
    requirements_enabled: bool = False
    security_and_compliance_enabled: bool = True
    keep_latest_artifact: bool = True
    restrict_user_defined_variables: bool = False
    runner_token_expiration_interval: int | None = None
    mr_default_target_self: bool = False
    max_artifacts_size: int | None = None


class GroupSettings(BaseModel):
    """A group's plain switches: kept as given, answered as kept."""

    model_config = ConfigDict(extra="ignore")

    share_with_group_lock: bool = False
    require_two_factor_authentication: bool = False
    two_factor_grace_period: int = 48
    project_creation_level: str = "developer"
    auto_devops_enabled: bool | None = None
    subgroup_creation_level: str = "maintainer"
    emails_disabled: bool | None = None
    emails_enabled: bool = True
    mentions_disabled: bool | None = None
    lfs_enabled: bool = True
    default_branch: str | None = None
    default_branch_protection: int = 2
    request_access_enabled: bool = True
    prevent_sharing_groups_outside_hierarchy: bool = False
    prevent_forking_outside_group: bool | None = None
    membership_lock: bool = False
    shared_runners_minutes_limit: int | None = None
    extra_shared_runners_minutes_limit: int | None = None


def features(changes: dict[str, Any]) -> dict[str, Any]:
    """Keep `x_enabled` and `x_access_level` saying the same, whichever of the two was given."""
    changes = dict(changes)
    for feature, enabled in _FEATURES.items():
        level = f"{feature}_access_level"
        if level in changes:
            changes[enabled] = changes[level] != "disabled"
        elif enabled in changes:
            changes[level] = "enabled" if changes[enabled] else "disabled"
    return changes
