"""The request a repair sends: the project's own, by its id, for the environments it has now."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from groundwork.errors import Conflict
from groundwork.model.entities import Observation, OperationKind
from groundwork.model.statuses import Status
from groundwork.operations.diagnosis import repair
from tests.unit.shop import ID

from . import stuck


def test_the_last_request_is_sent_for_the_project_as_it_is_now() -> None:
    case = stuck.stuck().case
    stored = {**case.request, "project_id": None, "dry_run": True, "environment_ids": ["dev", "gone"]}

    request = repair.request(replace(case, request=stored))

    assert request["project_id"] == str(ID)
    assert request["environment_ids"] == ["dev"]
    assert request["dry_run"] is False
    assert (request["slug"], request["template_id"]) == ("shop", "web-service")


@pytest.mark.parametrize("status", [Status.REMOVING, Status.REMOVED])
def test_what_is_being_removed_is_never_made_again(status: Status) -> None:
    case = stuck.stuck().case
    assert case.operation is not None
    last = replace(case.operation, kind=OperationKind.DECOMMISSION)
    going = replace(case.project, state=Observation(status, "Removed"))

    with pytest.raises(Conflict):
        repair.request(replace(case, project=going, operation=last))


def test_what_a_rollback_has_left_half_removed_is_made_again() -> None:
    case = stuck.stuck().case
    half = replace(case.project, state=Observation(Status.REMOVING, "Removed"))

    assert repair.request(replace(case, project=half))["environment_ids"] == ["dev"]


def test_a_project_that_never_came_as_far_as_environments_keeps_those_of_its_request() -> None:
    case = replace(stuck.stuck().case, environments=())

    assert repair.request(case)["environment_ids"] == ["dev"]


def test_the_run_keeps_its_id_until_an_operation_has_begun() -> None:
    case = stuck.stuck().case
    assert case.operation is not None
    later = replace(case, operation=replace(case.operation, id=UUID("1" * 32)))

    assert repair.run_id(case, 1) == repair.run_id(case, 1)
    assert len({repair.run_id(case, 1), repair.run_id(case, 2), repair.run_id(later, 1)}) == 3
