"""What Airflow's REST API answers, as far as it is looked at. Source: Airflow docs, "REST API" (v2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Dag(BaseModel):
    """A DAG as Airflow knows it."""

    dag_id: str
    is_paused: bool
    has_import_errors: bool


class Run(BaseModel):
    """A DAG run. `state` is Airflow's: queued, running, success or failed."""

    run_id: str = Field(validation_alias="dag_run_id")
    dag_id: str
    state: str
    queued_at: datetime | None
    end_date: datetime | None
    conf: dict[str, Any] | None

    @property
    def ended(self) -> bool:
        return self.state in ("success", "failed")


class TaskInstance(BaseModel):
    """One task of a run; of a mapped one, each copy. `map_index` is -1 for a task that is not mapped (yet).

    `state` is Airflow's, or None before the task was looked at; `duration` is seconds.
    """

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    start_date: datetime | None
    end_date: datetime | None
    duration: float | None
    rendered_map_index: str | None


class TaskOfRun(TaskInstance):
    """A task instance that says which run it is of."""

    run_id: str = Field(validation_alias="dag_run_id")
    dag_id: str


class Failure(BaseModel):
    """What a task's log says about its end: the error, if it names one, and the log's last lines."""

    error: str | None
    lines: list[str]


class Task(BaseModel):
    task_id: str
    downstream_task_ids: list[str]


class Tasks(BaseModel):
    tasks: list[Task]


class TaskInstances(BaseModel):
    task_instances: list[TaskInstance]
    total_entries: int


class TasksOfRuns(BaseModel):
    task_instances: list[TaskOfRun]
    total_entries: int


class ImportError(BaseModel):
    filename: str
    stack_trace: str


class ImportErrors(BaseModel):
    import_errors: list[ImportError]


class Token(BaseModel):
    access_token: str


class Links(BaseModel):
    extra_links: dict[str, str | None]


class Log(BaseModel):
    content: list[dict[str, Any]] | list[str]


class Approver(BaseModel):
    """A user Airflow names for an approval."""

    id: str
    name: str


class WaitingTask(BaseModel):
    """The task that waits for an answer."""

    dag_id: str
    run_id: str = Field(validation_alias="dag_run_id")
    task_id: str
    map_index: int


class Approval(BaseModel):
    """What a task asks people for: one of `options`. An empty `assigned_users` means anybody may answer."""

    task: WaitingTask = Field(validation_alias="task_instance")
    subject: str
    body: str | None
    options: list[str]
    assigned_users: list[Approver]
    created_at: datetime


class Approvals(BaseModel):
    hitl_details: list[Approval]


class Answered(BaseModel):
    chosen_options: list[str]
