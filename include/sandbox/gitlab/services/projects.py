"""Projects: creation, renaming, transfer, archiving, deletion in two steps, restoring."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from sandbox.gitlab.errors import BadRequest, Forbidden, InvalidFields, NotFound
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.writing import Action, Author
from sandbox.gitlab.rules import names
from sandbox.gitlab.rules.access import Role, wider
from sandbox.gitlab.rules.protection import default_levels
from sandbox.gitlab.rules.settings import ProjectSettings, features
from sandbox.gitlab.services import access, namespaces, pushes, removal, routing, switches
from sandbox.gitlab.services import visibility as visibility_rules
from sandbox.gitlab.services.server import Unit
from sandbox.gitlab.store.base import now, today
from sandbox.gitlab.store.tables import Namespace, Project, Topic

_TAKEN = {"name": [names.TAKEN], "path": [names.TAKEN], "project_namespace.name": [names.TAKEN]}
_README = "README.md"
_LARGEST_ID = 2**63 - 1


def create(unit: Unit, values: dict[str, Any]) -> Project:
    """Make a project with its repository.

    The repository is made first and the row last, so a killed server leaves a folder nobody refers
    to (swept at the next start) and never a row without repository.
    """
    namespace = _target(unit, values.get("namespace_id"))
    name = values.get("name") or values["path"]
    path = values.get("path") or names.slugify(name)
    problems = _name_problems(name, path)
    if problems:
        raise InvalidFields(problems)
    visibility = values.get("visibility") or "private"
    visibility_rules.check(visibility, namespace)
    _refuse_taken(unit, namespace, name, path, None)
    storage = unit.server.storage.create()
    try:
        return _insert(unit, namespace, name, path, visibility, storage, values)
    except BaseException:
        unit.server.storage.remove(storage)
        raise


def update(unit: Unit, project: Project, values: dict[str, Any]) -> None:
    """Change a project's fields; a new path redirects from the old one."""
    name, path = values.get("name") or project.name, values.get("path") or project.path
    if (name, path) != (project.name, project.path):
        problems = _name_problems(name, path)
        if problems:
            raise InvalidFields(problems)
        _refuse_taken(unit, project.namespace, name, path, project)
    visibility = values.get("visibility") or project.visibility
    visibility_rules.check(visibility, project.namespace)
    if values.get("default_branch"):
        _set_default_branch(unit, project, values["default_branch"])
    project.visibility = visibility
    if "description" in values:
        project.description = values["description"]
    topics = values.get("topics", values.get("tag_list"))
    if topics is not None:
        set_topics(unit, project, topics)
    project.settings = {**project.settings, **switches.given(ProjectSettings, features(values))}
    project.updated_at = now()
    _rename(unit, project, name, path)


def set_topics(unit: Unit, project: Project, wanted: list[str]) -> None:
    """Give a project exactly these topics; new ones are made."""
    found = []
    for name in dict.fromkeys(text.strip() for text in wanted if text.strip()):
        if len(name) > 255:
            raise InvalidFields({"topics": ["is too long (maximum is 255 characters)"]})
        topic = unit.db.execute(select(Topic).where(Topic.name == name)).scalar_one_or_none()
        if topic is None:
            topic = Topic(name=name, title=name)
            unit.db.add(topic)
            unit.db.flush()
        if topic not in found:
            found.append(topic)
    project.topics = sorted(found, key=lambda topic: topic.name)


def transfer(unit: Unit, project: Project, target: Namespace) -> None:
    """Move a project to another namespace."""
    if access.namespace_level(unit, target) < Role.MAINTAINER:
        raise Forbidden
    above = routing.full_path(unit.db, routing.NAMESPACE, target.id)
    if target.id == project.namespace_id:
        raise _transfer_failed("Project is already in this namespace.")
    clash = select(Project.id).where(Project.namespace_id == target.id, Project.name == project.name)
    if routing.taken(unit.db, f"{above}/{project.path}") or unit.db.execute(clash).first():
        raise _transfer_failed("Project with same name or path in target namespace already exists")
    if target.kind == "group" and wider(project.visibility, target.visibility):
        project.visibility = target.visibility
    project.namespace = target
    unit.db.flush()
    routing.move(unit.db, routing.PROJECT, project.id, f"{above}/{project.path}")
    project.updated_at = now()


def mark(unit: Unit, project: Project) -> None:
    """First step of deletion: name and path get a suffix, so the old path is free at once."""
    if project.marked_for_deletion_on is not None:
        raise BadRequest("Project has been already marked for deletion")
    project.name_before_deletion, project.path_before_deletion = project.name, project.path
    project.marked_for_deletion_on = today()
    suffix = f"-deletion_scheduled-{project.id}"
    _rename(unit, project, project.name + suffix, project.path + suffix)


def restore(unit: Unit, project: Project) -> None:
    """Undo the first step; refused when another project has taken the path since."""
    if project.marked_for_deletion_on is None:
        raise BadRequest("Project has not been marked for deletion")
    name = project.name_before_deletion or project.name
    path = project.path_before_deletion or project.path
    _refuse_taken(unit, project.namespace, name, path, project)
    project.marked_for_deletion_on = None
    project.name_before_deletion = project.path_before_deletion = None
    _rename(unit, project, name, path)


def remove_marked(unit: Unit, project: Project, full_path: str | None) -> None:
    """Second step of deletion, at once: the present path must be given to confirm."""
    if project.marked_for_deletion_on is None:
        raise BadRequest("Project must be marked for deletion first.")
    if full_path != routing.project_path(unit.db, project):
        raise BadRequest("`full_path` is incorrect. You must enter the complete path for the project.")
    if not unit.server.limits.settings.immediate_deletion:
        raise BadRequest("Project permanent deletion is not enabled. Contact your administrator.")
    removal.remove_project(unit, project)


def target_namespace(unit: Unit, ref: str) -> Namespace:
    """The namespace with that id or path."""
    found = (
        unit.db.get(Namespace, int(ref)) if access.numeric(ref) else routing.namespace_by_path(unit.db, ref)
    )
    if found is None:
        raise NotFound("Namespace")
    return found


def _insert(
    unit: Unit,
    namespace: Namespace,
    name: str,
    path: str,
    visibility: str,
    storage: str,
    values: dict[str, Any],
) -> Project:
    project = Project(
        namespace_id=namespace.id,
        name=name,
        path=path,
        description=values.get("description"),
        visibility=visibility,
        default_branch=None,
        creator_id=unit.user.id,
        storage=storage,
        settings=switches.given(ProjectSettings, features(values)),
    )
    project.namespace = namespace
    project.topics = []
    unit.db.add(project)
    try:
        unit.db.flush()
        above = routing.full_path(unit.db, routing.NAMESPACE, namespace.id)
        routing.claim(unit.db, f"{above}/{path}", routing.PROJECT, project.id)
        unit.db.flush()
    except IntegrityError:
        raise InvalidFields(_TAKEN) from None
    set_topics(unit, project, values.get("topics", values.get("tag_list")) or [])
    if values.get("initialize_with_readme"):
        _add_readme(unit, project, values.get("default_branch") or unit.server.settings.default_branch)
    unit.db.flush()
    return project


def _add_readme(unit: Unit, project: Project, branch: str) -> None:
    """GitLab leaves a project uninitialised for a bad branch name, and says nothing (issue 516857)."""
    if branch.startswith("refs/") or not writing.valid_ref(f"refs/heads/{branch}"):
        return
    repo = unit.server.storage.open(project.storage)
    author = Author(unit.user.name, unit.user.email)
    content = f"# {project.name}\n\n{project.description or ''}\n".rstrip() + "\n"
    action = Action("create", _README, content=content)
    writing.commit_actions(repo, branch, None, [action], "Initial commit", author, author, None)
    writing.point_head(repo, branch)
    project.empty = False
    project.default_branch = branch
    levels = default_levels(pushes.default_protection(project))
    if levels is not None:
        pushes.protect(unit, project, branch, *levels)


def _target(unit: Unit, namespace_id: int | None) -> Namespace:
    if namespace_id is not None and abs(namespace_id) > _LARGEST_ID:
        raise InvalidFields({"namespace": ["is not valid"]})
    namespace = (
        namespaces.namespace_of(unit, unit.user)
        if namespace_id is None
        else unit.db.get(Namespace, namespace_id)
    )
    if namespace is None or (namespace.kind == "group" and not access.sees_group(unit, namespace)):
        raise InvalidFields({"namespace": ["is not valid"]})
    least = {"noone": 99, "owner": 50, "maintainer": 40, "developer": 30, "administrator": 60}
    level = (
        least[namespace.settings.get("project_creation_level", "developer")]
        if namespace.kind == "group"
        else 50
    )
    if access.namespace_level(unit, namespace) < level and not (unit.admin and level == 60):
        raise InvalidFields({"namespace": ["is not valid"]})
    if namespace.marked_for_deletion_on is not None:
        raise InvalidFields({"namespace": ["is not valid"]})
    return namespace


def _name_problems(name: str, path: str) -> dict[str, list[str]]:
    problems = {"name": names.project_name_problems(name), "path": names.project_path_problems(path)}
    return {field: texts for field, texts in problems.items() if texts}


def _refuse_taken(unit: Unit, namespace: Namespace, name: str, path: str, present: Project | None) -> None:
    others = select(Project.id).where(Project.namespace_id == namespace.id)
    others = others.where(Project.id != present.id) if present else others
    name_taken = unit.db.execute(others.where(Project.name == name)).first() is not None
    above = routing.full_path(unit.db, routing.NAMESPACE, namespace.id)
    keeps = present is not None and present.path.lower() == path.lower()
    path_taken = not keeps and routing.taken(unit.db, f"{above}/{path}")
    problems: dict[str, list[str]] = {}
    if name_taken:
        problems |= {"name": [names.TAKEN], "project_namespace.name": [names.TAKEN]}
    if path_taken:
        problems |= {"path": [names.TAKEN]}
    if problems:
        raise InvalidFields({field: problems[field] for field in _TAKEN if field in problems})


def _rename(unit: Unit, project: Project, name: str, path: str) -> None:
    project.name = name
    if path == project.path:
        return
    project.path = path
    above = routing.full_path(unit.db, routing.NAMESPACE, project.namespace_id)
    try:
        unit.db.flush()
        routing.move(unit.db, routing.PROJECT, project.id, f"{above}/{path}")
    except IntegrityError:
        raise InvalidFields(_TAKEN) from None


def _set_default_branch(unit: Unit, project: Project, branch: str) -> None:
    if branch == project.default_branch:
        return
    repo = unit.server.storage.open(project.storage)
    if reading.branch(repo, branch) is None:
        raise InvalidFields({"base": [f"Could not change HEAD: branch '{branch}' does not exist"]})
    writing.point_head(repo, branch)
    project.default_branch = branch


def _transfer_failed(reason: str) -> BadRequest:
    return BadRequest(f"Failed to transfer project {reason}")
