"""Airflow's task instances become steps and environments, and only what changed is told."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from groundwork.cli.display import LineDisplay, TableDisplay, display
from groundwork.cli.progress import Progress, State, changes, progress
from groundwork.clients.airflow import Run, TaskInstance

START = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = ["accept_request", "environment.create_namespace", "mark_project_synced"]


def run(state: str = "running", conf: dict[str, Any] | None = None) -> Run:
    return Run(
        dag_run_id="r",  # type: ignore[call-arg]
        dag_id="d",
        state=state,
        queued_at=START,
        end_date=START + timedelta(seconds=9) if state == "success" else None,
        conf=conf,
    )


def task(task_id: str, state: str | None, map_index: int = -1, label: str | None = None) -> TaskInstance:
    return TaskInstance(
        task_id=task_id,
        map_index=map_index,
        state=state,
        try_number=1,
        start_date=START,
        end_date=START + timedelta(seconds=7) if state == "success" else None,
        duration=0.5 if state == "success" else None,
        rendered_map_index=label or (str(map_index) if map_index >= 0 else None),
    )


def look(*tasks: TaskInstance) -> Progress:
    return progress(run(), TASKS, tasks, ["dev", "0b7d3c60-0000-4000-8000-000000000000"])


def test_mapped_tasks_are_told_by_environment() -> None:
    seen = look(
        task("environment.create_namespace", "running", 0),
        task("environment.create_namespace", "success", 1, "prod"),
        task("accept_request", "success"),
    )

    assert seen.environments == ("dev", "prod")
    assert [(cell.step, cell.environment, cell.state) for cell in seen.cells] == [
        ("accept_request", None, State.DONE),
        ("create_namespace", "dev", State.RUNNING),
        ("create_namespace", "prod", State.DONE),
    ]


def test_a_group_that_is_not_mapped_yet_belongs_to_no_environment() -> None:
    assert look(task("environment.create_namespace", None)).cells == ()


def test_an_unknown_state_of_a_newer_airflow_is_no_error() -> None:
    assert look(task("accept_request", "pondering")).cells[0].state is State.UNKNOWN


def test_only_what_changed_is_told_also_when_an_environment_gets_its_name() -> None:
    before = look(task("accept_request", "success"), task("environment.create_namespace", "success", 1))
    after = look(
        task("accept_request", "success"),
        task("environment.create_namespace", "success", 1, "prod"),
        task("mark_project_synced", "success"),
    )

    assert [cell.step for cell in changes(before, after)] == ["mark_project_synced"]


def test_a_step_that_is_tried_again_is_told_again() -> None:
    done, retried = look(task("accept_request", "success")), look(task("accept_request", "up_for_retry"))

    assert [cell.state for cell in changes(done, retried)] == [State.RETRYING]
    assert [cell.state for cell in changes(retried, done)] == [State.DONE]


def test_times_are_seconds_since_the_trigger() -> None:
    seen = progress(run("success"), TASKS, [task("mark_project_synced", "success")], [])

    assert seen.elapsed(START + timedelta(hours=1)) == 9
    assert seen.seconds_until("mark_project_synced") == 7
    assert seen.seconds_until("accept_request") is None


def test_lines_name_step_environment_state_and_time() -> None:
    text = io.StringIO()
    shown = LineDisplay(Console(file=text, width=120))

    for _ in range(2):
        shown.show(look(task("environment.create_namespace", "success", 0)))

    (line,) = text.getvalue().splitlines()
    assert "create_namespace (dev)" in line
    assert line.endswith("done 0.5 s")


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    text = io.StringIO()
    shown = LineDisplay(Console(file=text, width=120))

    shown.show(look(task("environment.create_namespace", "failed", 1, "[red]prod[/]")))

    assert "create_namespace ([red]prod[/])" in text.getvalue()


def test_a_table_is_drawn_only_where_it_fits() -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=100)

    assert isinstance(display(terminal, 3), TableDisplay)
    assert isinstance(display(terminal, 20), LineDisplay)
    assert isinstance(display(Console(file=io.StringIO()), 1), LineDisplay)
