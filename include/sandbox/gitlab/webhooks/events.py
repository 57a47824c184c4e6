"""What webhooks say: payloads of push, tag push and merge request events, and who hears them."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from pygit2 import Commit, Repository
from sqlalchemy import or_, select

from sandbox.gitlab.entities import users
from sandbox.gitlab.entities.repository import signature_time, title_of
from sandbox.gitlab.repos import reading
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.rules.access import VISIBILITIES
from sandbox.gitlab.services import access, routing
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now
from sandbox.gitlab.store.tables import Project, User
from sandbox.gitlab.store.work_tables import Hook, MergeRequest
from sandbox.gitlab.webhooks.delivery import FAILURES_BEFORE_END, Delivery

_ZERO = "0" * 40
_SHOWN_COMMITS = 20


def push(unit: Unit, project: Project, repo: Repository, user: User | None, change: AppliedChange) -> None:
    """Announce one changed ref."""
    tag = change.ref.startswith(reading.TAGS)
    trigger = "tag_push_events" if tag else "push_events"
    hooks = _listening(unit, project, trigger)
    if not tag:
        branch = change.ref.removeprefix(reading.BRANCHES)
        hooks = [hook for hook in hooks if _wants_branch(hook, branch)]
    if hooks:
        payload = push_payload(unit, project, repo, user, change)
        _send(unit, hooks, trigger, "Tag Push Hook" if tag else "Push Hook", payload)


def merge_request(unit: Unit, project: Project, user: User, row: MergeRequest, action: str) -> None:
    """Announce a merge request that was opened, updated, merged, closed or reopened."""
    hooks = _listening(unit, project, "merge_requests_events")
    if hooks:
        _send(
            unit,
            hooks,
            "merge_requests_events",
            "Merge Request Hook",
            _merge_payload(unit, project, user, row, action),
        )


def push_payload(
    unit: Unit, project: Project, repo: Repository, user: User | None, change: AppliedChange
) -> dict[str, Any]:
    """The body of a push event."""
    new = repo.get(change.new) if change.new != _ZERO else None
    commit = new.peel(Commit) if new is not None else None
    commits = _new_commits(repo, change, commit)
    return {
        "object_kind": "tag_push" if change.ref.startswith(reading.TAGS) else "push",
        "event_name": "tag_push" if change.ref.startswith(reading.TAGS) else "push",
        "before": change.old,
        "after": change.new,
        "ref": change.ref,
        "ref_protected": False,
        "checkout_sha": str(commit.id) if commit is not None else None,
        "message": None,
        "user_id": user.id if user else None,
        "user_name": user.name if user else None,
        "user_username": user.username if user else None,
        "user_email": "",
        "user_avatar": users.basic(unit, user).avatar_url if user else None,
        "project_id": project.id,
        "project": project_payload(unit, project),
        "commits": [_commit(unit, project, item) for item in commits[:_SHOWN_COMMITS]],
        "total_commits_count": len(commits),
        "push_options": {},
        "repository": _repository(unit, project),
    }


def project_payload(unit: Unit, project: Project) -> dict[str, Any]:
    """The project as events show it."""
    path = routing.project_path(unit.db, project)
    address = f"{unit.server.url}/{path}"
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "web_url": address,
        "avatar_url": None,
        "git_ssh_url": f"git@localhost:{path}.git",
        "git_http_url": f"{address}.git",
        "namespace": project.namespace.name,
        "visibility_level": VISIBILITIES.index(project.visibility) * 10,
        "path_with_namespace": path,
        "default_branch": project.default_branch,
        "ci_config_path": "",
        "homepage": address,
        "url": f"git@localhost:{path}.git",
        "ssh_url": f"git@localhost:{path}.git",
        "http_url": f"{address}.git",
    }


def delivery(unit: Unit, hook: Hook, trigger: str, event: str, payload: dict[str, Any]) -> Delivery:
    """One event for one hook, ready to send."""
    return Delivery(
        hook.id, hook.url, hook.token, hook.enable_ssl_verification, event, trigger, payload, unit.server.url
    )


def alert_status(hook: Hook) -> str:
    """`executable`, `temporarily_disabled` or `disabled`."""
    if hook.failures >= FAILURES_BEFORE_END:
        return "disabled"
    paused = hook.disabled_until is not None and hook.disabled_until > now()
    return "temporarily_disabled" if paused else "executable"


def _send(unit: Unit, hooks: list[Hook], trigger: str, event: str, payload: dict[str, Any]) -> None:
    limits = unit.server.limits.settings
    for hook in hooks:
        item = delivery(unit, hook, trigger, event, payload)
        unit.after_commit.append(
            lambda item=item: unit.server.deliveries.submit(  # type: ignore[misc]  # bound now, called later
                item, limits.disable_failing_hooks, limits.hook_backoff_seconds
            )
        )


def _listening(unit: Unit, project: Project, trigger: str) -> list[Hook]:
    groups = [item.id for item in access.ancestors(project.namespace)]
    query = select(Hook).where(
        or_(
            (Hook.source_type == "project") & (Hook.source_id == project.id),
            (Hook.source_type == "namespace") & Hook.source_id.in_(groups),
        )
    )
    hooks = [hook for hook in unit.db.execute(query).scalars() if hook.events.get(trigger)]
    if not unit.server.limits.settings.disable_failing_hooks:
        return hooks
    return [hook for hook in hooks if alert_status(hook) == "executable"]


def _wants_branch(hook: Hook, branch: str) -> bool:
    wanted = hook.push_events_branch_filter
    return not wanted or bool(re.fullmatch(re.escape(wanted).replace(r"\*", ".*"), branch))


def _new_commits(repo: Repository, change: AppliedChange, commit: Commit | None) -> list[Commit]:
    if commit is None or not change.ref.startswith(reading.BRANCHES):
        return []
    before = repo.get(change.old) if change.old != _ZERO else None
    exclude: list[Commit] = [before] if isinstance(before, Commit) else []
    return list(reversed(list(islice(reading.log(repo, commit, exclude=exclude), 1000))))


def _commit(unit: Unit, project: Project, commit: Commit) -> dict[str, Any]:
    parent = commit.parents[0] if commit.parents else None
    added, modified, removed = reading.changed_paths(reading.difference(parent, commit))
    return {
        "id": str(commit.id),
        "message": commit.message,
        "title": title_of(commit.message),
        "timestamp": signature_time(commit.author),
        "url": f"{unit.server.url}/{routing.project_path(unit.db, project)}/-/commit/{commit.id}",
        "author": {"name": commit.author.name, "email": commit.author.email},
        "added": added,
        "modified": modified,
        "removed": removed,
    }


def _repository(unit: Unit, project: Project) -> dict[str, Any]:
    full = project_payload(unit, project)
    keys = ("name", "url", "description", "homepage", "git_http_url", "git_ssh_url", "visibility_level")
    return {key: full[key] for key in keys}


def _merge_payload(
    unit: Unit, project: Project, user: User, row: MergeRequest, action: str
) -> dict[str, Any]:
    address = f"{unit.server.url}/{routing.project_path(unit.db, project)}/-/merge_requests/{row.iid}"
    person = users.basic(unit, user)
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {
            "id": user.id,
            "name": user.name,
            "username": user.username,
            "avatar_url": person.avatar_url,
            "email": "[REDACTED]",
        },
        "project": project_payload(unit, project),
        "repository": _repository(unit, project),
        "object_attributes": {
            "id": row.id,
            "iid": row.iid,
            "action": action,
            "state": row.state,
            "title": row.title,
            "description": row.description,
            "source_branch": row.source_branch,
            "target_branch": row.target_branch,
            "source_project_id": project.id,
            "target_project_id": project.id,
            "author_id": row.author_id,
            "merge_commit_sha": row.merge_commit_sha,
            "last_commit": {"id": row.sha},
            "url": address,
        },
        "labels": [],
        "changes": {},
    }
