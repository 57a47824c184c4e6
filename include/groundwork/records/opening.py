"""How an operation gets its project: the slug reserved, the run recorded, the lease taken. One transaction.

The unique slug decides between requests that arrive at once; whoever inserts first has it, the others wait
for that transaction and then see the row. From there on the locked project row keeps everything in line.
"""

from __future__ import annotations

from uuid import UUID

from groundwork.errors import Conflict, InvalidRequest, Problem
from groundwork.records import audit, lease
from groundwork.records.connection import Row, Transaction, json
from groundwork.records.specs import ProjectSpec, RunSpec
from groundwork.records.states import derive_project, locked_project

_OPERATION_OF_RUN = "SELECT * FROM operations WHERE dag_id = %(dag_id)s AND run_id = %(run_id)s"
_INSERT_PROJECT = """
INSERT INTO projects (
    id, organization_id, slug, name, requested_by, template_id, template_version, template_answers
) VALUES (
    coalesce(%(id)s, gen_random_uuid()), %(organization_id)s, %(slug)s, %(name)s, %(requested_by)s,
    %(template_id)s, %(template_version)s, %(template_answers)s
)
ON CONFLICT DO NOTHING
RETURNING *
"""
_EXISTING = """
SELECT * FROM projects
WHERE id = %(id)s::uuid OR %(id)s::uuid IS NULL AND slug = %(slug)s
FOR NO KEY UPDATE
"""
_BY_SLUG = "SELECT * FROM projects WHERE slug = %(slug)s"
_UPDATE_PROJECT = """
UPDATE projects
SET name = %(name)s, template_id = %(template_id)s, template_version = %(template_version)s,
    template_answers = %(template_answers)s
WHERE id = %(id)s
"""
_TAKE_OVER = "UPDATE projects SET requested_by = %(requested_by)s WHERE id = %(id)s"
# Nothing exists anywhere: no repository, and no resource that was ever more than planned.
_UNTOUCHED = """
SELECT NOT EXISTS (SELECT FROM repositories WHERE project_id = %(id)s AND gitlab_id IS NOT NULL)
   AND NOT EXISTS (
       SELECT FROM gitops_resources
       JOIN project_environments ON project_environments.id = gitops_resources.project_environment_id
       WHERE project_environments.project_id = %(id)s AND gitops_resources.status <> 'pending'
   ) AS untouched
"""
_FORGET_REPOSITORY = "DELETE FROM repositories WHERE project_id = %(id)s"
_FORGET_ENVIRONMENTS = "DELETE FROM project_environments WHERE project_id = %(id)s"
_END_ABANDONED = """
UPDATE operations
SET status = 'failed', finished_at = clock_timestamp(), reason = 'LeaseLost',
    message = 'The operation stopped renewing its lease; another one has taken the project over.'
WHERE project_id = %(project_id)s AND status = 'running' AND (dag_id, run_id) <> (%(dag_id)s, %(run_id)s)
RETURNING id
"""
_OPEN_OPERATION = """
INSERT INTO operations (project_id, kind, dag_id, run_id, requested_by, triggered_by, request)
VALUES (
    %(project_id)s, %(kind)s, %(dag_id)s, %(run_id)s, %(requested_by)s, %(triggered_by)s, %(request)s
)
ON CONFLICT (dag_id, run_id) DO UPDATE
    SET status = 'running', finished_at = NULL, reason = NULL, message = NULL
RETURNING *
"""
_USERNAME = "SELECT username FROM users WHERE id = %(id)s"


def open_for_request(transaction: Transaction, spec: ProjectSpec, run: RunSpec) -> Row:
    """The operation's row, for a project that is inserted, taken over or run again as `spec` says."""
    project = None if _operation_of(transaction, run) else _inserted(transaction, spec, run)
    return _opened(transaction, project or _claimed(transaction, spec, run), run)


def open_existing(transaction: Transaction, project_id: UUID, run: RunSpec) -> Row:
    """The operation's row, for a project that is in the records."""
    project = locked_project(transaction, project_id)
    earlier = _operation_of(transaction, run)
    if earlier is not None and earlier["project_id"] != project_id:
        raise Conflict(
            f"Run {run.run_id} of {run.dag_id} was recorded for project {earlier['project_id']}:"
            " start a run with another id."
        )
    lease.require_free(transaction, project, earlier["id"] if earlier else None)
    return _opened(transaction, project, run)


def _opened(transaction: Transaction, project: Row, run: RunSpec) -> Row:
    """Records the operation and gives it the lease, which the caller has found free."""
    abandoned = transaction.all(
        _END_ABANDONED, project_id=project["id"], dag_id=run.dag_id, run_id=run.run_id
    )
    operation = transaction.one(
        _OPEN_OPERATION,
        project_id=project["id"],
        kind=run.kind,
        dag_id=run.dag_id,
        run_id=run.run_id,
        requested_by=run.requested_by,
        triggered_by=run.triggered_by,
        request=json(run.request),
    )
    lease.take(transaction, project["id"], operation["id"], run.lease_seconds)
    derive_project(transaction, project["id"])
    requester = transaction.one(_USERNAME, id=run.requested_by)["username"]
    details = {
        "kind": run.kind,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "requested_by": requester,
        "took_over_from": [str(row["id"]) for row in abandoned],
    }
    actor = run.triggered_by or requester
    audit.append(transaction, actor, "operation.opened", project["id"], operation["id"], details)
    return operation


def _operation_of(transaction: Transaction, run: RunSpec) -> Row | None:
    return transaction.maybe(_OPERATION_OF_RUN, dag_id=run.dag_id, run_id=run.run_id)


def _inserted(transaction: Transaction, spec: ProjectSpec, run: RunSpec) -> Row | None:
    return transaction.maybe(
        _INSERT_PROJECT,
        id=spec.project_id,
        organization_id=spec.organization_id,
        slug=spec.slug,
        requested_by=run.requested_by,
        **_requested(spec),
    )


def _claimed(transaction: Transaction, spec: ProjectSpec, run: RunSpec) -> Row:
    """The project that is there already, if the request may have it."""
    project = transaction.maybe(_EXISTING, id=spec.project_id, slug=spec.slug)
    # Asked only now: while this waited for the row, another try of the same run may have come through.
    earlier = _operation_of(transaction, run)
    if earlier is not None:
        return _run_again(transaction, locked_project(transaction, earlier["project_id"]), spec, earlier)
    if project is None:
        raise _slug_taken(transaction.one(_BY_SLUG, slug=spec.slug))
    if spec.project_id is not None:
        return _run_again(transaction, project, spec, None)
    return _taken_over(transaction, project, spec, run)


def _run_again(transaction: Transaction, project: Row, spec: ProjectSpec, earlier: Row | None) -> Row:
    _require_same(project, spec)
    lease.require_free(transaction, project, earlier["id"] if earlier else None)
    transaction.run(_UPDATE_PROJECT, id=project["id"], **_requested(spec))
    return project


def _taken_over(transaction: Transaction, project: Row, spec: ProjectSpec, run: RunSpec) -> Row:
    if project["organization_id"] != spec.organization_id or not is_free(transaction, project):
        raise _slug_taken(project)
    transaction.run(_FORGET_REPOSITORY, id=project["id"])
    transaction.run(_FORGET_ENVIRONMENTS, id=project["id"])
    transaction.run(_TAKE_OVER, id=project["id"], requested_by=run.requested_by)
    transaction.run(_UPDATE_PROJECT, id=project["id"], **_requested(spec))
    return project


def is_free(transaction: Transaction, project: Row) -> bool:
    """Whether a new request may have the project's slug: nobody works on it and nothing was made."""
    holder = lease.holder(transaction, project["id"])
    if holder is not None and holder["live"]:
        return False
    return bool(transaction.one(_UNTOUCHED, id=project["id"])["untouched"])


def _requested(spec: ProjectSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "template_id": spec.template_id,
        "template_version": spec.template_version,
        "template_answers": json(spec.template_answers),
    }


def _require_same(project: Row, spec: ProjectSpec) -> None:
    """Raises `InvalidRequest` if `spec` would rename the project or give it to another organization."""
    problems = []
    if project["slug"] != spec.slug:
        rule = f"is '{project['slug']}' for project {project['id']} and cannot change"
        problems.append(Problem("slug", rule))
    if project["organization_id"] != spec.organization_id:
        rule = f"cannot change: project {project['id']} belongs to another organization"
        problems.append(Problem("organization_id", rule))
    if problems:
        raise InvalidRequest(problems)


def _slug_taken(project: Row) -> InvalidRequest:
    return InvalidRequest(
        [
            Problem(
                "slug",
                f"'{project['slug']}' is taken by project {project['id']}; choose another, or give that"
                " project_id to run it again",
            )
        ]
    )
