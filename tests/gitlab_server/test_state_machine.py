"""A simple model of projects and groups against the server: any order of creating, renaming, moving,
marking, restoring and removing leaves both with the same paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.gitlab_server.conftest import ADMIN_TOKEN, Server, unique

_NAMES = st.sampled_from(["alpha", "Alpha", "beta", "gamma", "delta"])


@dataclass
class Known:
    """A project as the model has it."""

    id: int
    group: int
    path: str
    marked: bool = False

    @property
    def shown(self) -> str:
        return f"{self.path}-deletion_scheduled-{self.id}" if self.marked else self.path


def _machine(server: Server) -> type[RuleBasedStateMachine]:  # noqa: C901 - a class that knows its server
    class Paths(RuleBasedStateMachine):
        groups = Bundle("groups")
        projects = Bundle("projects")

        def __init__(self) -> None:
            super().__init__()
            headers = {"PRIVATE-TOKEN": ADMIN_TOKEN}
            self.http = httpx.Client(base_url=server.api, headers=headers, timeout=60)
            self.group_paths: dict[int, str] = {}
            self.model: dict[int, Known] = {}

        def teardown(self) -> None:
            self.http.close()

        def taken(self, group: int, path: str, but: int | None = None) -> bool:
            return any(
                item.group == group and item.shown.lower() == path.lower() and item.id != but
                for item in self.model.values()
            )

        @initialize(target=groups)
        def first_group(self) -> int:
            return self.make_group()

        @rule(target=groups)
        def new_group(self) -> int:
            return self.make_group()

        def make_group(self) -> int:
            name = unique("machine")
            made = self.http.post("/groups", json={"name": name, "path": name}).json()
            self.group_paths[made["id"]] = name
            return int(made["id"])

        @rule(group=groups)
        def rename_group(self, group: int) -> None:
            path = unique("renamed")
            assert self.http.put(f"/groups/{group}", json={"path": path}).status_code == 200
            self.group_paths[group] = path

        @rule(target=projects, group=groups, path=_NAMES)
        def create(self, group: int, path: str) -> Known:
            answer = self.http.post("/projects", json={"path": path, "name": path, "namespace_id": group})
            if self.taken(group, path):
                assert answer.status_code == 400
                assert answer.json()["message"]["path"] == ["has already been taken"]
                return next(iter(self.model.values()))
            assert answer.status_code == 201
            known = Known(answer.json()["id"], group, path)
            self.model[known.id] = known
            return known

        @rule(project=projects, path=_NAMES)
        def rename(self, project: Known, path: str) -> None:
            if project.id not in self.model or project.marked:
                return
            answer = self.http.put(f"/projects/{project.id}", json={"path": path, "name": path})
            clash = self.taken(project.group, path, project.id)
            assert answer.status_code == (400 if clash else 200)
            project.path = project.path if clash else path

        @rule(project=projects, group=groups)
        def transfer(self, project: Known, group: int) -> None:
            if project.id not in self.model or project.marked:
                return
            answer = self.http.put(f"/projects/{project.id}/transfer", json={"namespace": group})
            refused = project.group == group or self.taken(group, project.path)
            assert answer.status_code == (400 if refused else 200)
            project.group = project.group if refused else group

        @rule(project=projects)
        def mark(self, project: Known) -> None:
            if project.id not in self.model:
                return
            answer = self.http.delete(f"/projects/{project.id}")
            assert answer.status_code == (400 if project.marked else 202)
            project.marked = True

        @rule(project=projects)
        def restore(self, project: Known) -> None:
            if project.id not in self.model:
                return
            answer = self.http.post(f"/projects/{project.id}/restore")
            refused = not project.marked or self.taken(project.group, project.path, project.id)
            assert answer.status_code == (400 if refused else 201)
            project.marked = project.marked and refused

        @rule(project=consumes(projects))
        def remove(self, project: Known) -> None:
            if project.id not in self.model:
                return
            path = f"{self.group_paths[project.group]}/{project.shown}"
            answer = self.http.delete(
                f"/projects/{project.id}", params={"permanently_remove": True, "full_path": path}
            )
            assert answer.status_code == (202 if project.marked else 400)
            if project.marked:
                del self.model[project.id]

        @invariant()
        def both_have_the_same_paths(self) -> None:
            for group, group_path in self.group_paths.items():
                answer = self.http.get(f"/groups/{group}/projects", params={"per_page": 100})
                shown = {row["id"]: row["path_with_namespace"] for row in answer.json()}
                wanted = {
                    item.id: f"{group_path}/{item.shown}"
                    for item in self.model.values()
                    if item.group == group
                }
                assert shown == wanted

        @rule(project=projects)
        def found_by_path_too(self, project: Known) -> None:
            if project.id not in self.model:
                return
            path = f"{self.group_paths[project.group]}%2F{project.shown}"
            assert self.http.get(f"/projects/{path}").json()["id"] == project.id

    return Paths


@pytest.mark.timeout(200)
def test_any_order_of_changes(new_server: Callable[[], Server]) -> None:
    chosen = settings(
        max_examples=12,
        stateful_step_count=20,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    machine = _machine(new_server())
    run_state_machine_as_test(machine, settings=chosen)
