"""The order in which parts are brought up and taken down."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.flow import dependants_first, run_in_order
from sandbox.program import Program, Task


def _task(name: str, *after: str) -> Task:
    return Task(name, lambda: None, after)


def _quiet(_name: str, _seconds: float) -> None:
    pass


def _program(name: str, *after: str) -> Program:
    return Program(name, [name], lambda _started: None, after=after)


@st.composite
def _graphs(draw: st.DrawFn) -> list[Task]:
    """Tasks that depend on earlier ones, in any order."""
    names = [f"task-{number}" for number in range(draw(st.integers(0, 12)))]
    tasks = [
        _task(name, *(draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else ()))
        for index, name in enumerate(names)
    ]
    return draw(st.permutations(tasks))


@given(_graphs())
def test_each_step_runs_once_after_what_it_depends_on(tasks: list[Task]) -> None:
    done: list[str] = []
    order = threading.Lock()

    def act(step: Task | Program) -> None:
        with order:
            assert set(step.after) <= set(done)
            done.append(step.name)

    run_in_order(tasks, act, _quiet, threading.Event())
    assert sorted(done) == sorted(task.name for task in tasks)


def test_independent_steps_run_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)
    run_in_order(
        [_task("one"), _task("two")], lambda _step: meeting.wait() and None, _quiet, threading.Event()
    )


def test_a_dependency_that_is_not_among_the_steps_counts_as_done() -> None:
    done: list[str] = []
    run_in_order([_task("one", "elsewhere")], lambda step: done.append(step.name), _quiet, threading.Event())
    assert done == ["one"]


def test_after_an_error_nothing_that_depends_on_it_runs() -> None:
    done: list[str] = []

    def act(step: Task | Program) -> None:
        if step.name == "one":
            raise RuntimeError("no")
        done.append(step.name)

    with pytest.raises(RuntimeError, match="no"):
        run_in_order([_task("one"), _task("two", "one")], act, _quiet, threading.Event())
    assert done == []


def test_an_error_abandons_what_is_under_way() -> None:
    abandoned = threading.Event()

    def act(step: Task | Program) -> None:
        if step.name == "failing":
            raise RuntimeError("no")
        assert abandoned.wait(timeout=10)

    with pytest.raises(RuntimeError, match="no"):
        run_in_order([_task("waiting"), _task("failing")], act, _quiet, abandoned)


def test_programs_stop_before_what_they_depend_on() -> None:
    programs = [_program("database"), _program("server", "migrate"), _program("other")]
    waves = dependants_first(programs, [_task("migrate", "database")])
    assert [sorted(wave) for wave in waves] == [["server"], ["database", "other"]]
