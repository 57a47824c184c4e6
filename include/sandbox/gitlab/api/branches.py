"""Branches."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from sandbox.gitlab.entities import repository as entities
from sandbox.gitlab.errors import (
    BadRequest,
    Forbidden,
    NotAllowed,
    NotFound,
)
from sandbox.gitlab.http.pagination import ListParameters, page_of_rows
from sandbox.gitlab.http.params import Parameters, Params
from sandbox.gitlab.http.requests import ApiRequest, accepted, answer, no_content
from sandbox.gitlab.repos import reading, writing
from sandbox.gitlab.repos.pushes import AppliedChange
from sandbox.gitlab.repos.writing import WriteRefused
from sandbox.gitlab.rules.access import Role
from sandbox.gitlab.rules.protection import NO_CREATE
from sandbox.gitlab.services import access, commits, pushes

router = APIRouter(prefix="/projects/{project_ref:segment}")


class BranchFilters(ListParameters):
    """Which branches are wanted."""

    search: str | None = None
    regex: str | None = None


class BranchCreation(Parameters):
    """A new branch."""

    branch: str = Field(min_length=1)
    ref: str = Field(min_length=1)


@router.get("/repository/branches")
def list_branches(
    api: ApiRequest, project_ref: str, filters: Annotated[BranchFilters, Params(BranchFilters)]
) -> Response:
    """Branches by name."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        policy = commits.policy(unit, project)
        names = [name for name in reading.branch_names(repo) if _matches(name, filters)]

        def make(name: str) -> entities.BranchEntity:
            commit = reading.branch(repo, name)
            if commit is None:
                raise NotFound("Branch")
            return entities.branch(unit, project, repo, name, commit, policy)

        return page_of_rows(api, filters, names, make)


@router.get("/repository/branches/{branch:segment}")
def get_branch(api: ApiRequest, project_ref: str, branch: str) -> Response:
    """One branch."""
    with api.read() as unit:
        project = access.readable_project(unit, project_ref)
        repo = api.server.storage.open(project.storage)
        commit = reading.branch(repo, branch)
        if commit is None:
            raise NotFound("Branch")
        return answer(entities.branch(unit, project, repo, branch, commit, commits.policy(unit, project)))


@router.post("/repository/branches")
def create_branch(
    api: ApiRequest, project_ref: str, body: Annotated[BranchCreation, Params(BranchCreation)]
) -> Response:
    """Make a branch."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    if policy.covering(body.branch) and not policy.may_push(body.branch):
        raise Forbidden(NO_CREATE)
    with api.server.storage.locked(project.storage) as repo:
        start = reading.resolve(repo, body.ref, project.default_branch)
        if start is None:
            raise BadRequest(f"Invalid reference name: {body.ref}")
        try:
            writing.create_branch(repo, body.branch, start)
        except WriteRefused as problem:
            raise BadRequest(str(problem)) from None
        pushes.record_now(
            api.server,
            project.id,
            user.id,
            [AppliedChange(reading.BRANCHES + body.branch, commits.ZERO, str(start.id))],
        )
    with api.read(frozenset({"api"})) as unit:
        return answer(entities.branch(unit, project, repo, body.branch, start, policy), 201)


@router.delete("/repository/merged_branches")
def delete_merged_branches(api: ApiRequest, project_ref: str) -> Response:
    """Remove all merged branches that are not protected."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    with api.server.storage.locked(project.storage) as repo:
        default = reading.branch(repo, project.default_branch or "")
        changes = []
        for name in reading.branch_names(repo):
            commit = reading.branch(repo, name)
            if commit is None or default is None or name == project.default_branch or policy.covering(name):
                continue
            if reading.is_ancestor(repo, commit, default):
                writing.delete_ref(repo, reading.BRANCHES + name)
                changes.append(AppliedChange(reading.BRANCHES + name, str(commit.id), commits.ZERO))
        pushes.record_now(api.server, project.id, user.id, changes)
    return accepted()


@router.delete("/repository/branches/{branch:segment}")
def delete_branch(api: ApiRequest, project_ref: str, branch: str) -> Response:
    """Remove a branch."""
    with api.read(frozenset({"api"})) as unit:
        project, user = commits.writable_project(unit, project_ref), unit.user
        policy = commits.policy(unit, project)
    with api.server.storage.locked(project.storage) as repo:
        commit = reading.branch(repo, branch)
        if commit is None:
            raise NotFound("Branch")
        if branch == project.default_branch:
            raise NotAllowed("Cannot remove HEAD branch")
        if policy.covering(branch) and policy.level < Role.MAINTAINER:
            raise NotAllowed("You dont have push access to repo")
        writing.delete_ref(repo, reading.BRANCHES + branch)
        pushes.record_now(
            api.server,
            project.id,
            user.id,
            [AppliedChange(reading.BRANCHES + branch, str(commit.id), commits.ZERO)],
        )
    return no_content()


def _matches(name: str, filters: BranchFilters) -> bool:
    if filters.regex:
        try:
            return re.search(filters.regex, name) is not None
        except re.error:
            raise BadRequest("Invalid regular expression") from None
    text = filters.search or ""
    if text.startswith("^") and text.endswith("$") and len(text) > 1:
        return name == text[1:-1]
    if text.startswith("^"):
        return name.startswith(text[1:])
    return name.endswith(text[:-1]) if text.endswith("$") else text in name
