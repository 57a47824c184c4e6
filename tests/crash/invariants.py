"""What must be true of a project, whatever happened on the way. Pure: judges what `reality` has read.

Always: nothing exists twice, everything is marked as the project's, and no status says more than is so.
In the end of a run that succeeded also: everything is there, recorded, and synced to the one commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from .reality import Namespace, Object, Reality, Repository

_KINDS = {"Namespace", "Guardrails", "Credentials", "GitRepository", "Kustomization"}
_GUARDRAILS = ("serviceaccounts", "rolebindings", "resourcequotas", "limitranges", "networkpolicies")
_OURS = ("secrets", "gitrepositories", "kustomizations", *_GUARDRAILS)
_TOKEN_ID = "groundwork.dev/deploy-token-id"


def broken_after_success(found: Reality, environments: Sequence[str]) -> list[str]:
    """What is wrong with a project whose run succeeded."""
    if problem := _one_of_each(found, environments):
        return [problem]
    return list(chain(_complete(found, environments), _never(found)))


def broken_after_failure(found: Reality) -> list[str]:
    """What is wrong with a project whose run failed, other than that it did."""
    return list(chain(_explained(found), _never(found)))


def broken_after_rollback(found: Reality) -> list[str]:
    """What is wrong with a project that was to be rolled back, nothing of it having been there before."""
    problems = list(_explained(found, ("failed", "removed")))
    problems += [
        f"{namespace.namespace['metadata']['name']} is still there" for namespace in found.namespaces
    ]
    for repository in found.repositories:
        if not repository.project.get("marked_for_deletion_on"):
            problems.append(f"{repository.project['path_with_namespace']} is not marked for deletion")
        if repository.tokens:
            problems.append(f"{len(repository.tokens)} deploy tokens are active")
    for row in (*found.repository_rows, *found.resources):
        if row["status"] not in ("removed", "failed", "pending"):
            problems.append(f"{_title(row)} is recorded as {row['status']}")
    return problems


def broken_after_quarantine(found: Reality) -> list[str]:
    """What is wrong with a project that was to be put into quarantine."""
    problems = broken_after_failure(found)
    if [repository.project["archived"] for repository in found.repositories] != [True]:
        problems.append("the repository is not archived")
    for namespace in found.namespaces:
        for kind in ("gitrepositories", "kustomizations"):
            problems += [
                f"{item['kind']} {item['metadata']['name']} is not suspended"
                for item in namespace.objects[kind]
                if not item["spec"].get("suspend")
            ]
    return problems


def _one_of_each(found: Reality, environments: Sequence[str]) -> str | None:
    counts = {
        "project rows": (len(found.projects), 1),
        "repository rows": (len(found.repository_rows), 1),
        "environment rows": (len(found.environments), len(environments)),
        "resource rows": (len(found.resources), len(environments) * len(_KINDS)),
        "lease rows": (len(found.leases), 1),
        "GitLab projects": (len(found.repositories), 1),
        "namespaces": (len(found.namespaces), len(environments)),
    }
    wrong = {name: pair for name, pair in counts.items() if pair[0] != pair[1]}
    return ", ".join(f"{count} {name} instead of {wanted}" for name, (count, wanted) in wrong.items()) or None


def _complete(found: Reality, environments: Sequence[str]) -> Iterator[str]:
    [project], [row], [repository] = found.projects, found.repository_rows, found.repositories
    if len(repository.commits) != 1 or repository.branches != [row["default_branch"]]:
        yield f"commits {repository.commits} on branches {repository.branches}"
        return
    [revision] = repository.commits
    for what in (project, row, *found.environments, *found.resources):
        if what["status"] != "synced":
            yield f"{_title(what)} is {what['status']}: {what['reason']}: {what['message']}"
    for what in (project, row, *found.environments):
        if what["revision"] != revision:
            yield f"{_title(what)} is at {what['revision']} instead of {revision}"
    for what in (row, *found.resources):
        if not what["created_by_us"]:
            yield f"{_title(what)} is not recorded as made by us"
    if {item["slug"] for item in found.environments} != set(environments):
        yield f"environments {found.environments}"
    tokens = Counter(token["name"] for token in repository.tokens)
    if tokens != Counter(f"groundwork-{slug}-{project['id']}" for slug in environments):
        yield f"active deploy tokens {dict(tokens)}"
    yield from _ended_well(found)


def _ended_well(found: Reality) -> Iterator[str]:
    last = found.operations[-1]
    if last["status"] != "succeeded":
        yield f"operation {last['run_id']} is {last['status']}: {last['message']}"
    for step in found.steps:
        if step["operation_id"] != last["id"]:
            continue
        if step["status"] != "succeeded":
            yield f"step {step['step']} {step['scope']} is {step['status']}: {step['message']}"
        if step["created"] is False and len(found.operations) == 1:
            yield f"step {step['step']} {step['scope']} says that it did not make {step['external_id']}"
    if any(lease["live"] for lease in found.leases):
        yield "the lease is still held"


def _explained(found: Reality, project_is: tuple[str, ...] = ("failed",)) -> Iterator[str]:
    """A failure has a reason, wherever somebody would look for it."""
    for what, right in (
        *((project, project_is) for project in found.projects),
        *((operation, ("failed",)) for operation in found.operations[-1:]),
    ):
        if what["status"] not in right:
            yield f"{_title(what)} is {what['status']} although the run failed"
        elif what["status"] == "failed" and not (what["reason"] and what["message"]):
            yield f"{_title(what)} failed without a reason: {what['reason']}: {what['message']}"
    if any(lease["live"] for lease in found.leases):
        yield "the lease is still held"


def _never(found: Reality) -> Iterator[str]:
    """What must not be, in no state."""
    ids = [str(project["id"]) for project in found.projects]
    for repository in found.repositories:
        if not _topics_of(ids) & set(repository.project["topics"]):
            yield f"GitLab project {repository.project['path_with_namespace']} is not marked as ours"
        if len(repository.commits) > 1:
            yield f"{len(repository.commits)} commits"
    for namespace in found.namespaces:
        for item in (namespace.namespace, *chain(*(namespace.objects[kind] for kind in _OURS))):
            if (item["metadata"].get("labels") or {}).get("groundwork.dev/project-id") not in ids:
                yield f"{item['metadata']['name']} of {namespace.namespace['metadata']['name']} is not ours"
        for kind in _OURS:
            if len(namespace.objects[kind]) > 1:
                yield f"{len(namespace.objects[kind])} {kind}"
    yield from _lies(found)


def _lies(found: Reality) -> Iterator[str]:
    """What is recorded as synced and is not so."""
    for row in found.repository_rows:
        if row["status"] == "synced" and not _holds(found, row["revision"]):
            yield f"the repository is recorded at {row['revision']}, which is not there"
        there = {repository.project["id"] for repository in found.repositories}
        if row["gitlab_id"] is not None and there != {row["gitlab_id"]}:
            yield f"the repository is recorded as GitLab project {row['gitlab_id']}; there is {there}"
    named = {item.namespace["metadata"]["name"]: item for item in found.namespaces}
    environments = {item["id"]: item for item in found.environments}
    for row in found.resources:
        if row["status"] == "synced":
            namespace = named.get(row["namespace"])
            if namespace is None or not _is_true(found, row, namespace):
                slug = environments[row["project_environment_id"]]["slug"]
                yield f"{row['kind']} of {slug} is recorded as synced, and is not"


def _is_true(found: Reality, row: Object, namespace: Namespace) -> bool:
    objects = namespace.objects
    match row["kind"]:
        case "Namespace":
            return bool(namespace.namespace["metadata"]["uid"] == row["external_id"])
        case "Guardrails":
            return all(len(objects[kind]) == 1 for kind in _GUARDRAILS)
        case "Credentials":
            return namespace.fetches and _token_in_place(found, objects["secrets"], row["external_id"])
        case "GitRepository":
            return _at(objects["gitrepositories"], row, ("artifact", "revision"))
        case "Kustomization":
            applied = [item["data"].get("environment") for item in objects["configmaps"]]
            return len(applied) == 1 and _at(objects["kustomizations"], row, ("lastAppliedRevision",))
    return False


def _token_in_place(found: Reality, secrets: list[Object], token_id: str) -> bool:
    held = [secret["metadata"].get("annotations", {}).get(_TOKEN_ID) for secret in secrets]
    active = [str(token["id"]) for repository in found.repositories for token in repository.tokens]
    return held == [token_id] and token_id in active


def _at(objects: list[Object], row: Object, path: tuple[str, ...]) -> bool:
    """Whether there is exactly one, the recorded one, ready at the recorded revision and not suspended."""
    if len(objects) != 1 or objects[0]["metadata"]["uid"] != row["external_id"]:
        return False
    value: Any = objects[0].get("status") or {}
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in value.get("conditions") or []
    )
    for part in path:
        value = (value or {}).get(part)
    suspended = objects[0]["spec"].get("suspend", False)
    return ready and not suspended and str(value).endswith(f":{row['revision']}")


def _holds(found: Reality, revision: str) -> bool:
    return [repository.commits for repository in found.repositories] == [[revision]] and _marked(found)


def _marked(found: Reality) -> bool:
    ids = {str(project["id"]) for project in found.projects}
    return all({_project_of(repository)} == ids for repository in found.repositories)


def _project_of(repository: Repository) -> str | None:
    marker = repository.marker or {}
    return (marker.get("project") or {}).get("id")


def _topics_of(ids: list[str]) -> set[str]:
    return {f"groundwork-{each}" for each in ids}


def _title(row: Object) -> str:
    name = row.get("kind") or row.get("slug") or row.get("path") or row.get("run_id")
    return f"{name} ({row.get('namespace', '')})" if row.get("namespace") else str(name)
