"""Things broken for real in GitLab and the cluster: the first broken link is found; a new run mends it."""

from __future__ import annotations

import collections
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import gitlab
import psycopg
import pytest
from kubernetes.client import ApiClient

from groundwork.clients.gitlab import GitLab
from groundwork.model.entities import Observation
from groundwork.model.statuses import OperationStatus, Reason, Status
from groundwork.operations import environment_steps, project_steps
from groundwork.operations.accept import accept
from groundwork.operations.diagnosis import (
    Diagnosis,
    Link,
    Place,
    State,
    diagnose_project,
    diagnose_unsynced,
    repair,
)
from groundwork.operations.resolution import Run
from sandbox.gitlab.faults.client import FaultClient
from tests.driver import Driver

Kubectl = Callable[..., Any]
PATIENCE = 60.0


class Project:
    """One project that is synced, and what can be done to it."""

    def __init__(self, operations: Driver, request: dict[str, Any]) -> None:
        self.operations = operations
        self.request = request
        self.slug: str = request["slug"]
        self.namespace = f"project-{self.slug}-dev"

    def diagnosis(self) -> Diagnosis:
        return diagnose_project(self.operations.services, None, self.slug)[1]

    def cause(self) -> Link | None:
        (chain,) = self.diagnosis().chains
        return chain.cause

    def cause_becomes(self, place: Place, state: State) -> Link:
        """The cause, once Flux has noticed."""
        deadline = time.monotonic() + PATIENCE
        while (cause := self.cause()) is None or (cause.place, cause.state) != (place, state):
            assert time.monotonic() < deadline, cause
            time.sleep(0.2)
        return cause

    def run_again(self) -> None:
        """What `groundwork diagnose --fix` starts."""
        case = self.operations.services.records.cases.of(self.slug)
        assert case is not None
        operation = self.operations.run(repair.request(case))
        assert operation.status is OperationStatus.SUCCEEDED, operation.message

    def is_whole(self) -> bool:
        return self.diagnosis().state is State.OK


@pytest.fixture
def project(operations: Driver) -> Project:
    request = operations.request()
    assert operations.run(request).status is OperationStatus.SUCCEEDED
    return Project(operations, request)


@pytest.fixture
def repository(api: gitlab.Gitlab, project: Project) -> Any:
    return api.projects.get(f"platform/{project.slug}")


def found(cause: Link | None, place: Place, reason: str, *, repairable: bool) -> Link:
    assert cause is not None
    assert (cause.place, cause.state, cause.reason) == (place, State.BROKEN, reason)
    assert cause.repairable is repairable
    assert cause.remedy
    return cause


def test_a_project_that_is_whole_has_nothing_broken(project: Project) -> None:
    (chain,) = project.diagnosis().chains

    assert chain.cause is None
    assert {link.state for link in chain.links} == {State.OK}
    assert [link.place for link in chain.links] == list(Place)


def test_a_secret_that_was_deleted(project: Project, kubectl: Kubectl) -> None:
    kubectl("delete", "secret", "groundwork-git", "-n", project.namespace)

    cause = found(project.cause(), Place.CREDENTIALS, "Missing", repairable=True)
    assert f"Secret groundwork-git in namespace {project.namespace}" in cause.message
    project.run_again()
    assert project.is_whole()


def test_a_token_that_was_revoked(project: Project, repository: Any) -> None:
    [token] = repository.deploytokens.list(get_all=True)
    repository.deploytokens.delete(token.id)

    cause = found(project.cause(), Place.CREDENTIALS, "TokenInactive", repairable=True)
    assert f"deploy token {token.id}" in cause.message
    project.run_again()
    assert project.is_whole()


@pytest.mark.parametrize(
    ("kind", "place"), [("gitrepository", Place.SOURCE), ("kustomization", Place.KUSTOMIZATION)]
)
def test_what_somebody_has_suspended(project: Project, kubectl: Kubectl, kind: str, place: Place) -> None:
    kubectl(
        *("patch", kind, project.slug, "-n", project.namespace),
        *("--type", "merge", "-p", '{"spec": {"suspend": true}}'),
    )

    found(project.cause(), place, "Suspended", repairable=True)
    project.run_again()
    assert project.is_whole()


@pytest.mark.parametrize(
    ("kind", "place"), [("gitrepository", Place.SOURCE), ("kustomization", Place.KUSTOMIZATION)]
)
def test_what_somebody_has_deleted(project: Project, kubectl: Kubectl, kind: str, place: Place) -> None:
    kubectl("delete", kind, project.slug, "-n", project.namespace)

    found(project.cause(), place, "Missing", repairable=True)
    project.run_again()
    assert project.is_whole()


def test_a_namespace_that_is_gone(project: Project, kubectl: Kubectl) -> None:
    kubectl("delete", "kustomization", project.slug, "-n", project.namespace)
    kubectl("delete", "namespace", project.namespace)

    found(project.cause(), Place.NAMESPACE, "Missing", repairable=True)
    project.run_again()
    assert project.is_whole()


def test_the_identity_of_flux_that_is_gone(project: Project, kubectl: Kubectl) -> None:
    kubectl("delete", "serviceaccount", "flux-reconciler", "-n", project.namespace)

    cause = found(project.cause(), Place.NAMESPACE, "GuardrailsMissing", repairable=True)
    assert "ServiceAccount/flux-reconciler" in cause.message
    project.run_again()
    assert project.is_whole()


def test_a_repository_that_was_archived(project: Project, repository: Any) -> None:
    repository.archive()

    found(project.cause(), Place.REPOSITORY, "Archived", repairable=True)
    project.run_again()
    assert project.is_whole()


def test_a_repository_that_is_about_to_be_deleted_wants_a_person(project: Project, repository: Any) -> None:
    repository.delete()

    found(project.cause(), Place.REPOSITORY, "PendingDeletion", repairable=False)


def test_a_repository_that_lost_its_marks_wants_a_person(project: Project, repository: Any) -> None:
    repository.topics = ["else"]
    repository.save()

    cause = found(project.cause(), Place.REPOSITORY, "MarksLost", repairable=False)
    assert "groundwork-" in cause.remedy


def test_an_overlay_that_cannot_be_built_wants_a_person(
    project: Project, repository: Any, kubectl: Kubectl
) -> None:
    path = "deploy/overlays/dev/kustomization.yaml"
    content = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [nowhere.yaml]\n"
    repository.files.update(
        path, new_data={"branch": "main", "content": content, "commit_message": "Break it"}
    )
    kubectl(
        *("annotate", "--overwrite", "gitrepository", project.slug, "-n", project.namespace),
        "reconcile.fluxcd.io/requestedAt=now",
    )

    cause = project.cause_becomes(Place.KUSTOMIZATION, State.BROKEN)
    found(cause, Place.KUSTOMIZATION, "BuildFailed", repairable=False)
    assert "nowhere.yaml" in cause.message


def test_pods_that_no_node_takes_or_whose_image_cannot_be_pulled(
    operations: Driver, kubectl: Kubectl
) -> None:
    request = operations.request(template_id="no-node-takes-it", sync_deadline=10)
    assert operations.run(request).reason == "DeadlineExceeded"
    project = Project(operations, request)

    cause = found(project.cause(), Place.WORKLOAD, "Unschedulable", repairable=False)
    assert cause.name.startswith("Pod/web-")
    assert "node" in cause.message

    # What a kubelet would report; the sandbox's nodes run no containers.
    waiting = {
        "waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "registry/web:1"'}
    }
    status = {
        "name": "web",
        "ready": False,
        "restartCount": 0,
        "image": "web",
        "imageID": "",
        "state": waiting,
    }
    patch = json.dumps({"status": {"containerStatuses": [status]}})
    pod = cause.name.partition("/")[2]
    kubectl(
        "patch",
        "pod",
        pod,
        "-n",
        project.namespace,
        "--subresource",
        "status",
        "--type",
        "merge",
        "-p",
        patch,
    )

    cause = found(project.cause(), Place.WORKLOAD, "ImagePullBackOff", repairable=False)
    assert "Back-off pulling image" in cause.message


def test_a_record_that_says_pending_although_everything_is_there(
    project: Project, sandbox_systems: Any
) -> None:
    forget(sandbox_systems.database_url, project.slug)
    assert project.slug in {
        case.project.slug for case, _ in diagnose_unsynced(project.operations.services, None)
    }

    found(project.cause(), Place.RECORD, "Recorded", repairable=True)
    project.run_again()
    assert project.is_whole()


def test_a_gitlab_that_is_down_is_not_called_broken(project: Project) -> None:
    services = project.operations.services
    nobody = replace(services, gitlab=GitLab("http://127.0.0.1:9", services.gitlab.token, 5))

    _, diagnosis = diagnose_project(nobody, None, project.slug)

    cause = diagnosis.chains[0].cause
    assert cause is not None
    assert (diagnosis.state, cause.place, cause.reason) == (State.UNKNOWN, Place.REPOSITORY, "Unavailable")


@pytest.mark.timeout(300)
def test_a_hundred_stuck_projects_are_told_in_one_go(operations: Driver, sandbox_systems: Any) -> None:
    """Half have a repository and no more; half have a namespace beside, and a commit that is not there."""
    slugs = [f"hundred-{uuid4().hex[:8]}" for _ in range(100)]
    with ThreadPoolExecutor(8) as pool:
        for stranded in [pool.submit(strand, operations, slug, number) for number, slug in enumerate(slugs)]:
            stranded.result()
    administrator = sandbox_systems.state.known_secret("gitlab_admin_token")
    with FaultClient(sandbox_systems.gitlab_url, administrator) as journal, counted() as cluster:
        journal.clear_journal()
        started = time.monotonic()
        results = diagnose_unsynced(operations.services, None)
        seconds = time.monotonic() - started
        calls = journal.journal()

    told = {case.project.slug: diagnosis.chains[0].cause for case, diagnosis in results}
    causes = [told[slug] for slug in slugs]
    assert {cause and cause.place for cause in causes} == {Place.RUN, Place.COMMIT}
    assert {cause and cause.reason for cause in causes} == {"Unavailable", "CommitMissing"}
    # Repositories are listed by the hundred; one call looks for a commit, and others' leftovers cost some.
    others = len(results) - len(slugs)
    assert len(calls) <= 50 + 10 + 4 * others, collections.Counter(call.route for call in calls)
    assert len(cluster) <= 2 * 9 * (1 + len(results) // 50) + 6 * others, collections.Counter(cluster)
    assert seconds < 60


def strand(operations: Driver, slug: str, number: int) -> None:
    """A run that ended early: GitLab did not answer when the credentials were to be made."""
    services = operations.services
    operation = accept(
        services, operations.request(slug=slug, name=slug), Run("initialize_project", slug, None)
    ).id
    project_steps.record_resources(services, operation)
    operations.patiently(project_steps.create_repository, operation)
    records = services.records
    project_id = records.operations.get(operation).project_id
    if number % 2:
        environment_steps.create_namespace(services, operation, "dev")
        lost = Observation(Status.SYNCED, Reason.OBSERVED, revision="0" * 40)
        records.observations.repository_observed(project_id, lost)
    entry = records.ledger.begin(operation, "create_credentials", "dev", {})
    records.ledger.failed(entry.id, "Unavailable", "GitLab answered 502")
    (dev,) = records.resources.environments_of(project_id)
    records.observations.environment_failed(dev.id, "Unavailable", "GitLab answered 502")
    records.operations.close(operation, OperationStatus.FAILED, "Unavailable", "GitLab answered 502")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The paths asked of clusters, at the client library."""
    asked: list[str] = []
    call = ApiClient.call_api

    def counting(self: ApiClient, path: str, *arguments: Any, **options: Any) -> Any:
        asked.append(path)
        return call(self, path, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ApiClient, "call_api", counting)
        yield asked


def forget(database_url: str, slug: str) -> None:
    """Leave a project as the bug of old left it: `pending`, with everything in place."""
    with psycopg.connect(database_url) as connection:
        owned = "project_environment_id IN (SELECT e.id FROM project_environments e JOIN projects p"
        owned += " ON p.id = e.project_id WHERE p.slug = %s)"
        pending = "status = 'pending', reason = 'Recorded', message = ''"
        connection.execute(f"UPDATE gitops_resources SET {pending} WHERE {owned}", [slug])  # noqa: S608
        of_project = "project_id = (SELECT id FROM projects WHERE slug = %s)"
        connection.execute(f"UPDATE project_environments SET {pending} WHERE {of_project}", [slug])  # noqa: S608
        connection.execute(f"UPDATE projects SET {pending} WHERE slug = %s", [slug])  # noqa: S608
