"""What a refused row means, by the name of the constraint that refused it. Pure.

Constraints that a request can run into name the request's field; the others guard against a fault of ours
and say which rule was kept from being broken.
"""

from __future__ import annotations

from groundwork.errors import Conflict, GroundworkError, InvalidRequest, Problem, Rejected

_FIELDS = {
    "slug_format": ("slug", "must be lower-case letters and digits, in parts joined by single hyphens"),
    "slug_not_an_id": ("slug", "must not have the form of an id"),
    "projects_slug_key": ("slug", "is taken by another project"),
    "projects_pkey": ("project_id", "belongs to another project"),
    "projects_name_given": ("name", "must not be blank"),
    "repositories_path_key": ("repository.group_path", "holds the repository of another project already"),
    "repositories_path_format": ("repository.group_path", "must be a group's full path"),
    "repositories_visibility_known": ("repository.visibility", "must be private, internal or public"),
    "repositories_branch_given": ("repository.default_branch", "must be the name of a branch"),
    "project_environments_cluster_namespace_key": (
        "environment_ids",
        "the namespace belongs to another project in this cluster",
    ),
    "project_environments_namespace_format": (
        "environment_ids",
        "the namespace's name must be at most 63 lower-case letters, digits and hyphens",
    ),
    "project_environments_environment_fkey": (
        "environment_ids",
        "must be environments of the project's organization",
    ),
}
_CONFLICTS = {
    "repositories_gitlab_key": "This GitLab project is recorded as the repository of another project.",
    "project_environments_cluster_fkey": "An environment cannot change its cluster while projects live in it:"
    " make a new environment instead.",
}


def refusal(constraint: str | None, message: str | None, detail: str | None) -> GroundworkError:
    """The error for a row that `constraint` refused; `message` and `detail` are Postgres' own words."""
    known = f" ({detail.rstrip('.')})" if detail else ""
    if constraint in _FIELDS:
        field, rule = _FIELDS[constraint]
        return InvalidRequest([Problem(field, rule + known)])
    if constraint in _CONFLICTS:
        return Conflict(_CONFLICTS[constraint] + known)
    return Rejected(f"The records refused a row: {message or constraint}.{known}")
