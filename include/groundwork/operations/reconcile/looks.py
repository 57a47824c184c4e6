"""What cannot be listed: a project's branch protection, its deploy tokens, a repository that no list shows.

Each is a request or two per project, so a pass looks into a few projects only: those that give cause, and a
few more in turn, so that all are looked into in the course of time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from groundwork.clients.gitlab import BranchProtection, DeployToken, GitLabProject
from groundwork.errors import TemporaryError
from groundwork.model.entities import ProjectEnvironment, Repository
from groundwork.model.statuses import Status
from groundwork.operations.reconcile.observation import GitLabView, View, has_repository
from groundwork.operations.services import Services
from groundwork.records.inventory import RecordedProject
from groundwork.resources import git_repository, repository, template
from groundwork.resources.standing import is_refused


@dataclass(frozen=True)
class Look:
    """What GitLab says of one project when asked about it alone.

    `found` is its repository, None if it is gone; `is_own` is whether Groundwork created it, and so owns the
    protection of its default branch. `revision` is the commit by which the project's content was
    recognised on the default branch, None if that was not asked or not found.
    """

    found: GitLabProject | None
    is_own: bool = False
    protection: BranchProtection | None = None
    tokens: Sequence[DeployToken] = ()
    revision: str | None = None


@dataclass(frozen=True)
class Looks:
    """Looks by project. `looked_up_to` is where the next pass goes on, `problem` why there are not all."""

    by_project: Mapping[UUID, Look] = field(default_factory=dict)
    looked_up_to: UUID | None = None
    problem: str | None = None


def look_into(
    services: Services,
    recorded: Sequence[RecordedProject],
    view: View,
    suspects: Collection[UUID],
    looked_up_to: UUID | None,
) -> Looks:
    """Look into as many projects as the settings allow, beginning with those that give cause; `suspects` are
    those of which a look has found something wrong before."""
    if view.gitlab.problem:
        return Looks(looked_up_to=looked_up_to)
    limit = services.settings.reconcile_looks
    chosen, looked_up_to = choose(recorded, view, suspects, looked_up_to, limit)
    found: dict[UUID, Look] = {}
    for project in chosen:
        try:
            found[project.project.id] = _look(services, project, view.gitlab)
        except TemporaryError as error:
            return Looks(found, looked_up_to, error.message)
    return Looks(found, looked_up_to, _unlisted(view.gitlab, found))


def choose(
    recorded: Sequence[RecordedProject],
    view: View,
    suspects: Collection[UUID],
    looked_up_to: UUID | None,
    limit: int,
) -> tuple[list[RecordedProject], UUID | None]:
    """Which projects to look into, and where the next pass goes on. Pure; `recorded` is in order of ids."""
    there = [project for project in recorded if has_repository(project) and not project.held]
    urgent = [item for item in there if item.project.id in suspects or gives_cause(item, view)][:limit]
    chosen = {project.project.id for project in urgent}
    rest = [project for project in there if project.project.id not in chosen]
    after = [item for item in rest if looked_up_to is None or item.project.id > looked_up_to]
    # As many of the first as are needed to come round again.
    turn = [*after, *rest[: len(rest) - len(after)]][: limit - len(urgent)]
    return [*urgent, *turn], turn[-1].project.id if turn else looked_up_to


def gives_cause(recorded: RecordedProject, view: View) -> bool:
    """Whether what was listed of a project leaves open what only a look into it can tell. Pure."""
    known = recorded.repository
    if known is None or known.gitlab_id not in view.gitlab.projects or needs_content(known):
        return True
    return any(_is_refused(view, recorded.project.slug, item.environment) for item in recorded.environments)


def needs_content(known: Repository) -> bool:
    """Whether it is not known yet that the default branch holds the project's content. Pure.

    Into an adopted repository it came by a merge request, so there a revision alone does not tell.
    """
    if known.state.revision is None or known.state.status is Status.APPLIED:
        return True
    return not known.created_by_us and known.state.status is not Status.SYNCED


def _is_refused(view: View, slug: str, environment: ProjectEnvironment) -> bool:
    cluster = view.clusters.get(environment.environment.cluster)
    key = (git_repository.KIND, environment.namespace, slug)
    found = cluster.objects.get(key) if cluster else None
    return found is not None and is_refused(found)


def _look(services: Services, recorded: RecordedProject, listed: GitLabView) -> Look:
    known = recorded.repository
    if known is None or known.gitlab_id is None:
        raise AssertionError("only projects with a repository are looked into")
    found = listed.projects.get(known.gitlab_id) or services.gitlab.projects.get(known.gitlab_id)
    if found is None or found.deletion_date:
        return Look(found)
    own = known.created_by_us and not repository.is_adopted(found)
    return Look(
        found,
        own,
        services.gitlab.protected_branches.find(found.id, known.default_branch) if own else None,
        services.gitlab.deploy_tokens.active(found.id),
        _content(services, recorded, known, found) if needs_content(known) else None,
    )


def _content(
    services: Services, recorded: RecordedProject, known: Repository, found: GitLabProject
) -> str | None:
    head = services.git.remote_head(found.http_url, known.default_branch)
    return template.observe(services.gitlab, head, recorded.project, known, found.id)


def _unlisted(view: GitLabView, looks: Mapping[UUID, Look]) -> str | None:
    """A list that leaves out a project that is there, with the topic asked for, cannot be relied on."""
    for look in looks.values():
        found = look.found
        if found is not None and found.id not in view.projects and view.topic in found.topics:
            return f"GitLab's list of projects leaves out {found.path}, which is there."
    return None
