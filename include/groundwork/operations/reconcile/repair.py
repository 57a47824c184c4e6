"""Putting one project right, as an operation of its own: with its lease, its ledger, and the functions that
the steps of a request use. Each of them looks first, so a repair nothing needs any more changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from groundwork.clients.kubernetes import Cluster, Manifest
from groundwork.errors import GroundworkError, PermanentError, ProjectBusy
from groundwork.model.changes import System
from groundwork.model.entities import GitOpsResource, Kind, Observation, OperationKind
from groundwork.model.findings import DecidedFinding, FindingClass, FindingState
from groundwork.model.request import RepositoryRequest
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations.environment_steps import pace, request_token
from groundwork.operations.ledger import Outcome, step
from groundwork.operations.project_steps import gitlab_id
from groundwork.operations.reconcile.environments import REFUSED_KIND
from groundwork.operations.resolution import Run
from groundwork.operations.services import Services
from groundwork.records.inventory import RecordedProject, Selection
from groundwork.records.specs import RunSpec
from groundwork.resources import (
    branch_protection,
    credentials,
    git_repository,
    guardrails,
    kustomization,
    namespace,
    repository,
)
from groundwork.resources.applied import Applied, apply_one
from groundwork.resources.target import Target

_SEEN = Observation(Status.SYNCED, Reason.OBSERVED)
_ACCEPTED = Observation(Status.APPLIED, Reason.ACCEPTED)
_KINDS = {
    "Namespace": Kind.NAMESPACE,
    "Secret": Kind.CREDENTIALS,
    "Credentials": Kind.CREDENTIALS,
    REFUSED_KIND: Kind.CREDENTIALS,
    "GitRepository": Kind.GIT_REPOSITORY,
    "Kustomization": Kind.KUSTOMIZATION,
}
_BUSY = "is repaired by a later pass: {}"

Found = Sequence[DecidedFinding]


def repair_project(services: Services, found: Found, run: Run) -> None:
    """Heal these findings of one project, and record what became of each.

    A project that another operation holds is left to it. What fails is told with the finding and with the
    project, and does not keep the rest from being healed.
    """
    project_id = found[0].finding.project_id
    if project_id is None:
        raise AssertionError("what no record knows is never repaired")
    project = services.records.projects.get(project_id)
    spec = RunSpec(
        kind=OperationKind.REPAIR,
        dag_id=run.dag_id,
        run_id=f"{run.run_id}/{project.slug}",
        requested_by=project.requested_by,
        lease_seconds=services.settings.lease_seconds,
        triggered_by=run.triggered_by,
        request={"findings": [str(item.finding) for item in found]},
    )
    try:
        operation = services.records.operations.open_existing(project_id, spec)
    except ProjectBusy as error:
        services.records.passes.settle(found, FindingState.HELD, _BUSY.format(error.message))
        return
    failures = _repair(services, operation.id, project_id, found)
    if failures:
        first = failures[0]
        services.records.operations.close(operation.id, OperationStatus.FAILED, first.reason, first.message)
    else:
        services.records.operations.close(operation.id, OperationStatus.SUCCEEDED)


def _repair(services: Services, operation_id: UUID, project_id: UUID, found: Found) -> list[GroundworkError]:
    [recorded] = services.records.inventory.read(Selection(project=str(project_id)))
    if recorded.project.state.status in (Status.REMOVING, Status.REMOVED):
        services.records.passes.settle(found, FindingState.GONE, "the project has been removed meanwhile")
        return []
    failures: list[GroundworkError] = []

    def attempt(part: Found, work: Callable[[], None]) -> None:
        try:
            work()
        except GroundworkError as error:
            services.records.passes.settle(part, FindingState.REPAIR_FAILED, error.message)
            failures.append(error)
        else:
            services.records.passes.settle(part, FindingState.HEALED, "repaired")

    in_gitlab = [item for item in found if item.finding.system is System.GITLAB]
    if in_gitlab:
        attempt(in_gitlab, lambda: _repair_repository(services, operation_id, recorded, in_gitlab))
    for environment in recorded.environments:
        slug = environment.environment.environment.slug
        part = [item for item in found if item.finding.scope == slug]
        if part and recorded.repository is not None:
            target = Target(
                recorded.project, recorded.repository, environment.environment, pace(services.settings)
            )
            repairs = EnvironmentRepair(services, operation_id, target, environment.resources, part)
            for kind, needed in repairs.needed().items():
                attempt(needed, lambda kind=kind, repairs=repairs: repairs.run(kind))  # type: ignore[misc]
    return failures


def _repair_repository(
    services: Services, operation_id: UUID, recorded: RecordedProject, found: Found
) -> None:
    known = recorded.repository
    if known is None:
        raise AssertionError("a repository that is not recorded has no findings")
    kinds = {item.finding.kind for item in found}
    records, project = services.records, recorded.project
    with step(services, operation_id, "repair_repository", intent={"path": known.path}) as outcome:
        try:
            if repository.KIND in kinds:
                choices = RepositoryRequest.model_validate({"group_path": known.path.rpartition("/")[0]})
                repository.apply(services.gitlab, project, known, choices, outcome.creating)
            if branch_protection.KIND in kinds:
                branch_protection.apply(services.gitlab, known, gitlab_id(known))
        except PermanentError as error:
            records.observations.repository_failed(project.id, error.reason, error.message)
            raise
        if known.state.revision is not None and known.state.reason != Reason.MERGE_REQUEST_OPEN:
            records.observations.repository_observed(project.id, _SEEN)


class EnvironmentRepair:
    """The repair of one environment, kind by kind in the order of making."""

    def __init__(
        self,
        services: Services,
        operation_id: UUID,
        target: Target,
        recorded: Mapping[Kind, GitOpsResource],
        found: Found,
    ) -> None:
        self._services = services
        self._operation_id = operation_id
        self._target = target
        self._recorded = recorded
        self._found = found
        self._slug = target.environment.environment.slug

    @property
    def _cluster(self) -> Cluster:
        return self._services.cluster(self._target.environment.environment.cluster)

    def needed(self) -> Mapping[Kind, Found]:
        """Which kinds are put right, each with its findings: all of them where the namespace was gone."""
        by_kind: dict[Kind, list[DecidedFinding]] = {}
        for item in self._found:
            by_kind.setdefault(_KINDS.get(item.finding.kind, Kind.GUARDRAILS), []).append(item)
        whole = self._lacks_namespace()
        renewed = Kind.CREDENTIALS in by_kind
        wanted = [
            kind for kind in Kind if whole or kind in by_kind or (renewed and kind is Kind.GIT_REPOSITORY)
        ]
        return {kind: by_kind.get(kind, []) for kind in wanted}

    def run(self, kind: Kind) -> None:
        """Put one kind right. Raises as the functions that make it."""
        work = {
            Kind.NAMESPACE: self._namespace,
            Kind.GUARDRAILS: self._guardrails,
            Kind.CREDENTIALS: self._credentials,
            Kind.GIT_REPOSITORY: self._git_repository,
            Kind.KUSTOMIZATION: self._kustomization,
        }[kind]
        name = f"repair_{_snake(kind)}"
        intent = {"namespace": self._target.namespace}
        with step(self._services, self._operation_id, name, self._slug, intent) as outcome:
            try:
                work(outcome)
            except PermanentError as error:
                self._observed(kind, Observation(Status.FAILED, error.reason, error.message))
                raise

    def _namespace(self, outcome: Outcome) -> None:
        made = self._apply(Kind.NAMESPACE, namespace.desired(self._target), outcome)
        self._observed(Kind.NAMESPACE, _SEEN, made.uid)

    def _guardrails(self, outcome: Outcome) -> None:
        wrong = {
            (item.finding.kind, item.finding.name) for item in self._found if item.finding.kind not in _KINDS
        }
        for manifest in guardrails.desired(self._target):
            if self._lacks_namespace() or (manifest["kind"], manifest["metadata"]["name"]) in wrong:
                apply_one(self._cluster, manifest, self._target.project.id, outcome.creating)
        self._observed(Kind.GUARDRAILS, _SEEN)

    def _credentials(self, outcome: Outcome) -> None:
        gitlab, known = self._services.gitlab, gitlab_id(self._target.repository)
        ends = credentials.expiry(self._services.settings.deploy_token_days)
        made = (gitlab, self._cluster, self._target, known, ends, outcome.creating)
        if any(item.finding.finding_class is FindingClass.CREDENTIALS for item in self._found):
            token = credentials.put_new(*made)
            # What is not accepted any more is no loss.
            credentials.revoke_others(gitlab, self._target, known, token)
            token_id = token.id
        else:
            token_id = credentials.apply(*made).token_id
        self._observed(Kind.CREDENTIALS, _SEEN, str(token_id))

    def _git_repository(self, outcome: Outcome) -> None:
        manifest = git_repository.desired(self._target, request_token())
        self._flux(Kind.GIT_REPOSITORY, manifest, outcome)

    def _kustomization(self, outcome: Outcome) -> None:
        manifest = kustomization.desired(self._target, request_token())
        self._flux(Kind.KUSTOMIZATION, manifest, outcome)

    def _flux(self, kind: Kind, manifest: Manifest, outcome: Outcome) -> None:
        existing = self._cluster.get(manifest)
        # One that somebody has suspended stays so, unless that itself is to be healed.
        resumes = {FindingClass.SUSPENDED, FindingClass.PARKED}
        own = [item for item in self._found if _KINDS.get(item.finding.kind) is kind]
        if (existing or {}).get("spec", {}).get("suspend") and not any(
            item.finding.finding_class in resumes for item in own
        ):
            del manifest["spec"]["suspend"]
        made = self._apply(kind, manifest, outcome)
        self._observed(kind, _ACCEPTED, made.uid)

    def _apply(self, kind: Kind, manifest: Manifest, outcome: Outcome) -> Applied:
        """Apply the one object of a kind, which is known by its uid if it has lost the project's mark."""
        known = self._recorded.get(kind)
        uid = known.external_id if known is not None and known.created_by_us else None
        return apply_one(self._cluster, manifest, self._target.project.id, outcome.creating, uid)

    def _lacks_namespace(self) -> bool:
        return any(
            item.finding.kind == Kind.NAMESPACE and item.finding.finding_class is FindingClass.MISSING
            for item in self._found
        )

    def _observed(self, kind: Kind, seen: Observation, external_id: str | None = None) -> None:
        self._services.records.observations.resource_observed(
            self._target.environment.id, kind, seen, external_id=external_id, created_by_us=True
        )


def _snake(kind: Kind) -> str:
    return {Kind.GIT_REPOSITORY: "git_repository"}.get(kind, kind.lower())
