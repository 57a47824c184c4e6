"""Projects as the API writes them: about a hundred keys, most of them plain switches."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sandbox.gitlab.entities import groups, users
from sandbox.gitlab.entities.base import Moment
from sandbox.gitlab.repos import reading
from sandbox.gitlab.services import access, routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store import tables
from sandbox.gitlab.store.tables import Member

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


class ProjectBasic(BaseModel):
    """A project with `simple=true`, and what anonymous callers see."""

    id: int
    description: str | None
    name: str
    name_with_namespace: str
    path: str
    path_with_namespace: str
    created_at: Moment
    default_branch: str | None
    tag_list: list[str]
    topics: list[str]
    ssh_url_to_repo: str
    http_url_to_repo: str
    web_url: str
    readme_url: str | None
    forks_count: int = 0
    avatar_url: str | None = None
    star_count: int = 0
    last_activity_at: Moment
    visibility: str
    namespace: groups.NamespaceBasic


class ProjectEntity(ProjectSettings, ProjectBasic):
    """A project in lists, for members."""

    description_html: str = ""
    container_registry_image_prefix: str
    links: dict[str, str] = Field(serialization_alias="_links")
    container_expiration_policy: dict[str, Any]
    empty_repo: bool
    archived: bool
    owner: users.UserBasic | None = None
    creator_id: int
    updated_at: Moment
    import_url: str | None = None
    import_type: str | None = None
    import_status: str = "none"
    import_error: str | None = None
    open_issues_count: int = 0
    ci_opt_in_jwt: bool = False
    runners_token: str | None = ""
    shared_with_groups: list[dict[str, Any]] = Field(default_factory=list)
    service_desk_address: str | None = None
    compliance_frameworks: list[str] = Field(default_factory=list)
    repository_object_format: str = "sha1"
    repository_storage: str = "default"
    marked_for_deletion_at: date | None = None
    marked_for_deletion_on: date | None = None


def basic(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """A project with its few main keys."""
    return ProjectBasic(**_basic(unit, row)).model_dump()


def listed(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """A project in a list: all keys for those signed in, the main ones for others."""
    if unit.caller.user is None:
        return basic(unit, row)
    return _full(unit, row)


def single(unit: Unit, row: tables.Project) -> dict[str, Any]:
    """One project, with the caller's permissions."""
    if unit.caller.user is None:
        return basic(unit, row)
    return _full(unit, row) | {"permissions": _permissions(unit, row)}


def _full(unit: Unit, row: tables.Project) -> dict[str, Any]:
    values = _basic(unit, row)
    path, host = values["path_with_namespace"], unit.server.url.split("://")[-1]
    settings = ProjectSettings.model_validate(row.settings)
    owner = unit.db.get(tables.User, row.namespace.owner_id) if row.namespace.owner_id else None
    entity = ProjectEntity(
        **values,
        **settings.model_dump(),
        container_registry_image_prefix=f"registry.{host}/{path.lower()}",
        links=_links(unit, row),
        container_expiration_policy=_expiration_policy(row.created_at),
        empty_repo=row.empty,
        archived=row.archived,
        owner=users.basic(unit, owner) if owner else None,
        creator_id=row.creator_id,
        updated_at=row.updated_at,
        service_desk_address=f"contact-project+{path.replace('/', '-')}-{row.id}-issue-@localhost",
        marked_for_deletion_at=row.marked_for_deletion_on,
        marked_for_deletion_on=row.marked_for_deletion_on,
    )
    dumped = entity.model_dump(by_alias=True)
    if owner is None:
        del dumped["owner"]
    return dumped


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


def _basic(unit: Unit, row: tables.Project) -> dict[str, Any]:
    path = routing.project_path(unit.db, row)
    address = f"{unit.server.url}/{path}"
    topics = [topic.name for topic in row.topics]
    return {
        "id": row.id,
        "description": row.description,
        "name": row.name,
        "name_with_namespace": f"{groups.full_name(row.namespace)} / {row.name}",
        "path": row.path,
        "path_with_namespace": path,
        "created_at": row.created_at,
        "default_branch": None if row.empty else row.default_branch,
        "tag_list": topics,
        "topics": topics,
        "ssh_url_to_repo": f"git@{unit.server.url.split('://')[-1].split(':')[0]}:{path}.git",
        "http_url_to_repo": f"{address}.git",
        "web_url": address,
        "readme_url": _readme(unit, row, address),
        "last_activity_at": row.last_activity_at,
        "visibility": row.visibility,
        "namespace": groups.namespace_basic(unit, row.namespace),
    }


def _readme(unit: Unit, row: tables.Project, address: str) -> str | None:
    if row.empty or row.default_branch is None:
        return None
    commit = reading.branch(unit.server.storage.open(row.storage), row.default_branch)
    if commit is None:
        return None
    name = next(
        (entry.name for entry in commit.tree if (entry.name or "").lower().startswith("readme")), None
    )
    return f"{address}/-/blob/{row.default_branch}/{name}" if name else None


def _permissions(unit: Unit, row: tables.Project) -> dict[str, Any]:
    user = unit.user
    chain = {item.id for item in access.ancestors(row.namespace)}
    levels: dict[str, int | None] = {"project": None, "namespace": None}
    for member in unit.db.query(Member).filter(Member.user_id == user.id):
        if member.source_type == "project" and member.source_id == row.id:
            levels["project"] = member.access_level
        if member.source_type == "namespace" and member.source_id in chain:
            levels["namespace"] = max(levels["namespace"] or 0, member.access_level)
    if row.namespace.owner_id == user.id:
        levels["project"] = 50
    return {"project_access": _level(levels["project"]), "group_access": _level(levels["namespace"])}


def _level(level: int | None) -> dict[str, int] | None:
    return None if level is None else {"access_level": level, "notification_level": 3}


def _links(unit: Unit, row: tables.Project) -> dict[str, str]:
    base = f"{unit.server.api_url}/projects/{row.id}"
    return {
        "self": base,
        "issues": f"{base}/issues",
        "merge_requests": f"{base}/merge_requests",
        "repo_branches": f"{base}/repository/branches",
        "labels": f"{base}/labels",
        "events": f"{base}/events",
        "members": f"{base}/members",
        "cluster_agents": f"{base}/cluster_agents",
    }


def _expiration_policy(created: datetime) -> dict[str, Any]:
    following = created + timedelta(days=1)
    return {
        "cadence": "1d",
        "enabled": False,
        "keep_n": 10,
        "older_than": "90d",
        "name_regex": ".*",
        "name_regex_keep": None,
        "next_run_at": following.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
