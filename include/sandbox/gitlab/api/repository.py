"""The repository as a whole: tree, blobs, comparison, merge base, contributors."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pygit2 import Blob, Commit, Repository

from sandbox.gitlab.entities import repository as entities
from sandbox.gitlab.errors import BadRequest, NotFound
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, answer
from sandbox.gitlab.repos import reading
from sandbox.gitlab.services import access, routing

router = APIRouter(prefix="/projects/{project_ref:segment}/repository")


class TreeReading(ListParameters):
    """Which folder of which version."""

    path: str = ""
    ref: str | None = None
    recursive: bool = False


class Comparison(Parameters):
    """Two versions; `straight` compares them directly instead of from their merge base."""

    from_: str = Field(alias="from")
    to: str
    straight: bool = False


class MergeBase(Parameters):
    """Two or more versions."""

    refs: list[str]


class TreeEntity(BaseModel):
    """An entry of a folder."""

    id: str
    name: str
    type: str
    path: str
    mode: str


@router.get("/tree")
def get_tree(
    api: ApiRequest, project_ref: str, wanted: Annotated[TreeReading, Params(TreeReading)]
) -> Response:
    """A folder's entries."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        commit = reading.resolve(repo, wanted.ref, project.default_branch)
        tree = reading.tree_at(commit, wanted.path) if commit is not None else None
        if tree is None:
            raise NotFound("Tree" if commit is None else "invalid revision or path")
        rows = list(reading.listing(tree, wanted.path.strip("/"), wanted.recursive))
        return page_of_rows(api, wanted, rows, lambda row: TreeEntity(**vars(row)))


@router.get("/blobs/{sha}/raw")
def get_raw_blob(api: ApiRequest, project_ref: str, sha: str) -> Response:
    """A blob's bytes by its id."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        found = _object(api.server.storage.open(project.storage), sha)
        if not isinstance(found, Blob):
            raise NotFound("Blob")
        return Response(found.data, media_type="application/octet-stream")


@router.get("/compare")
def compare(api: ApiRequest, project_ref: str, wanted: Annotated[Comparison, Params(Comparison)]) -> Response:
    """Commits and changes from one version to another."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        old = _version(repo, wanted.from_, project.default_branch)
        new = _version(repo, wanted.to, project.default_branch)
        base = old if wanted.straight else reading.merge_base(repo, [old, new])
        between = list(reversed(list(islice(reading.log(repo, new, exclude=[old]), 1000))))
        shown = [entities.commit(unit, project, row).model_dump() for row in between]
        path = routing.project_path(unit.db, project)
        changes = [item.model_dump() for item in entities.differences(reading.difference(base, new))]
        body: dict[str, Any] = {
            "commit": shown[-1] if shown else None,
            "commits": shown,
            "diffs": changes,
            "compare_timeout": False,
            "compare_same_ref": old.id == new.id,
            "web_url": f"{unit.server.url}/{path}/-/compare/{wanted.from_}...{wanted.to}",
        }
        return answer(body)


@router.get("/merge_base")
def merge_base(
    api: ApiRequest, project_ref: str, wanted: Annotated[MergeBase, Params(MergeBase)]
) -> Response:
    """The best common ancestor."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        if len(wanted.refs) < 2:
            raise BadRequest("Provide at least 2 refs")
        repo = api.server.storage.open(project.storage)
        found = [(ref, reading.resolve(repo, ref, project.default_branch)) for ref in wanted.refs]
        unknown = [ref for ref, commit in found if commit is None]
        if unknown:
            raise BadRequest(f"Could not find ref: {', '.join(unknown)}")
        base = reading.merge_base(repo, [commit for _, commit in found if commit is not None])
        if base is None:
            raise NotFound("Merge Base")
        return answer(entities.commit(unit, project, base))


@router.get("/contributors")
def contributors(
    api: ApiRequest, project_ref: str, page: Annotated[ListParameters, Params(ListParameters)]
) -> Response:
    """Who committed how often."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        start = reading.resolve(repo, None, project.default_branch)
        found = (
            Counter((row.author.name, row.author.email) for row in reading.log(repo, start))
            if start
            else Counter()
        )
        rows = [
            {"name": name, "email": email, "commits": count, "additions": 0, "deletions": 0}
            for (name, email), count in sorted(found.items())
        ]
        return page_of_rows(api, page, rows, lambda row: row)


def _version(repo: Repository, ref: str, default: str | None) -> Commit:
    commit = reading.resolve(repo, ref, default)
    if commit is None:
        raise NotFound("Ref")
    return commit


def _object(repo: Repository, sha: str) -> object | None:
    try:
        return repo.get(sha)
    except ValueError:
        return None
