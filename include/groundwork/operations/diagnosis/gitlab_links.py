"""The links in GitLab: the repository, the commit, and whether the deploy token in place is active. Pure."""

from __future__ import annotations

from groundwork.clients.gitlab import GitLabProject
from groundwork.clients.kubernetes import Manifest
from groundwork.errors import GroundworkError
from groundwork.model.entities import GitOpsResource, Repository
from groundwork.model.request import PendingDeletion
from groundwork.model.statuses import Reason, Status
from groundwork.operations.diagnosis import advice
from groundwork.operations.diagnosis.facts import EnvironmentFacts, ProjectFacts
from groundwork.operations.diagnosis.findings import Link, Place, State
from groundwork.resources import credentials, ownership
from groundwork.resources.conditions import commit_of
from groundwork.resources.ownership import Claim


def repository(facts: ProjectFacts) -> Link:
    """Whether the repository is there, the project's own, at its place, and not on its way out."""
    recorded, seen = facts.case.repository, facts.repository
    if recorded is None:
        return Link(Place.REPOSITORY, "none", State.ABSENT, Reason.NOT_REACHED, "has not been recorded")
    if seen.error is not None:
        return _unseen(Place.REPOSITORY, recorded.path, seen.error)
    if seen.found is not None:
        return _found(facts, recorded, seen.found)
    if recorded.gitlab_id is None:
        return Link(Place.REPOSITORY, recorded.path, State.ABSENT, Reason.NOT_REACHED, "has not been created")
    return Link(
        Place.REPOSITORY,
        recorded.path,
        State.BROKEN,
        "Missing",
        f"GitLab has no project {recorded.gitlab_id} that Groundwork's token can see",
        f"let the token see it, or {advice.AGAIN} to make it anew",
        repairable=True,
    )


def _found(facts: ProjectFacts, recorded: Repository, found: GitLabProject) -> Link:
    def broken(reason: str, message: str, remedy: str, *, repairable: bool = False) -> Link:
        return Link(Place.REPOSITORY, recorded.path, State.BROKEN, reason, message, remedy, repairable)

    claim = ownership.claim_on_repository(found, facts.case.project.id)
    if claim is Claim.FOREIGN and found.id == recorded.gitlab_id:
        marks = " and ".join(ownership.topics(facts.case.project.id))
        message = "it has lost the topics that make it the project's"
        return broken("MarksLost", message, f"give it the topics {marks} again")
    if claim is Claim.FOREIGN:
        message = ownership.foreign_repository(recorded.path).message
        return broken("Conflict", message, "remove or rename that project, or ask for another slug")
    if claim is Claim.DOOMED:
        restored = facts.case.request.get("repository", {}).get("on_pending_deletion")
        message, remedy = (
            f"is marked for deletion on {found.deletion_date}",
            f"restore it, then {advice.AGAIN}",
        )
        repairable = restored == PendingDeletion.RESTORE
        return broken("PendingDeletion", message, remedy, repairable=repairable)
    if found.path.lower() != recorded.path.lower():
        return broken("Moved", f"was moved to {found.path}", f"move it back to {recorded.path}")
    if found.archived and recorded.state.reason == Reason.QUARANTINED:
        return broken(Reason.QUARANTINED, recorded.state.message, advice.AGAIN, repairable=True)
    if found.archived:
        message = "somebody has archived it, so nothing can be pushed"
        return broken("Archived", message, advice.AGAIN, repairable=True)
    return Link(Place.REPOSITORY, recorded.path, State.OK, message=f"is there as project {found.id}")


def commit(facts: ProjectFacts, repository_link: Link) -> Link:
    """Whether the recorded commit is on the default branch."""
    recorded, seen = facts.case.repository, facts.repository
    if recorded is None or repository_link.state is State.ABSENT:
        return Link(Place.COMMIT, "none", State.ABSENT, Reason.NOT_REACHED, "nothing has been pushed")
    branch, revision = recorded.default_branch, recorded.state.revision
    if recorded.state.reason == Reason.MERGE_REQUEST_OPEN and recorded.state.status is Status.APPLIED:
        return Link(
            Place.COMMIT,
            branch,
            State.BROKEN,
            Reason.MERGE_REQUEST_OPEN,
            recorded.state.message,
            "merge it, then run the project again",
        )
    if revision is None:
        return Link(Place.COMMIT, branch, State.ABSENT, Reason.NOT_REACHED, "nothing has been pushed")
    name = f"{branch} at {revision[:12]}"
    if seen.error is not None:
        return _unseen(Place.COMMIT, name, seen.error)
    if seen.found is None:
        return Link(Place.COMMIT, name, State.AFFECTED, "Missing", "its repository is not there")
    if _fetched(facts, revision) or seen.holds_commit:
        return Link(Place.COMMIT, name, State.OK, message="is on the branch")
    if seen.holds_commit is None:
        return Link(Place.COMMIT, name, State.AFFECTED, "NoRepository", "its repository is not the project's")
    return Link(
        Place.COMMIT,
        name,
        State.BROKEN,
        "CommitMissing",
        f"branch {branch} does not hold commit {revision[:12]} any more",
        f"restore the branch; or {advice.AGAIN}, which takes what the branch holds if it is the project's",
        repairable=True,
    )


def token(facts: ProjectFacts, recorded: GitOpsResource, secret: Manifest) -> Link:
    """Whether the token whose secret lies in the cluster is one that GitLab still accepts."""
    if facts.repository.tokens is None and facts.repository.error is not None:
        return _unseen(Place.CREDENTIALS, recorded.name, facts.repository.error)
    if facts.repository.tokens is None:
        message = "is there; its deploy token goes with the repository"
        return Link(Place.CREDENTIALS, recorded.name, State.AFFECTED, "NoRepository", message)
    held = credentials.held_token(secret, facts.repository.tokens)
    if held is not None:
        return Link(
            Place.CREDENTIALS, recorded.name, State.OK, message=f"holds active deploy token {held.id}"
        )
    annotations = secret["metadata"].get("annotations") or {}
    number = annotations.get(credentials.TOKEN_ID_ANNOTATION, "of no known id")
    return Link(
        Place.CREDENTIALS,
        recorded.name,
        State.BROKEN,
        "TokenInactive",
        f"deploy token {number} was revoked, has expired, or is not the repository's",
        advice.AGAIN,
        repairable=True,
    )


def _unseen(place: Place, name: str, error: GroundworkError) -> Link:
    return Link(place, name, State.UNKNOWN, error.reason, error.message, "look again")


def asks_for_commit(recorded: Repository | None, environments: list[EnvironmentFacts]) -> bool:
    """Whether GitLab has to be asked for the recorded commit: Flux has not just fetched it."""
    if recorded is None or recorded.state.revision is None:
        return False
    return not any(_holds(item, recorded.state.revision) for item in environments)


def _fetched(facts: ProjectFacts, revision: str) -> bool:
    return any(_holds(item, revision) for item in facts.environments.values())


def _holds(environment: EnvironmentFacts, revision: str) -> bool:
    status = (environment.source or {}).get("status") or {}
    ready = any(
        item.get("type") == "Ready" and item.get("status") == "True"
        for item in status.get("conditions") or []
    )
    return ready and commit_of((status.get("artifact") or {}).get("revision")) == revision
