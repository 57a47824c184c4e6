"""Airflow's `@task`, which leaves why it failed for the note on the run, and links to what it works on.

`groundwork_task` has no links, `project_task` one to the project's page, `repository_task` also one to its
repository, and `environment_task` also one to the Kustomization of its argument `environment`. Source:
Airflow docs, "Creating Custom @task Decorators".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, cast

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, task_decorator_factory

from groundwork.errors import GroundworkError
from groundwork.orchestration.links import KustomizationLink, ProjectLink, RepositoryLink
from groundwork.orchestration.notes import leave_failure


class GroundworkTask(DecoratedOperator, PythonOperator):
    """A function that works on no project in particular."""

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    custom_operator_name = "@task"

    def __init__(self, *, python_callable: Any, op_args: Any, op_kwargs: Any, **kwargs: Any) -> None:
        given = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=given, **given, **kwargs)

    def execute(self, context: Any) -> Any:
        try:
            return super().execute(context)
        except GroundworkError as error:
            # Here, because a listener is told only after the scheduler, which may have ended the run by then.
            leave_failure(context["ti"], error)
            raise


class ProjectTask(GroundworkTask):
    """A function that works on a project."""

    operator_extra_links: Collection[BaseOperatorLink] = (ProjectLink(),)


class RepositoryTask(ProjectTask):
    """A function that works on a project's repository."""

    operator_extra_links = (ProjectLink(), RepositoryLink())


class EnvironmentTask(ProjectTask):
    """A function that works on one environment of a project."""

    operator_extra_links = (ProjectLink(), KustomizationLink())


groundwork_task = cast(
    TaskDecorator, partial(task_decorator_factory, decorated_operator_class=GroundworkTask)
)
project_task = cast(TaskDecorator, partial(task_decorator_factory, decorated_operator_class=ProjectTask))
repository_task = cast(
    TaskDecorator, partial(task_decorator_factory, decorated_operator_class=RepositoryTask)
)
environment_task = cast(
    TaskDecorator, partial(task_decorator_factory, decorated_operator_class=EnvironmentTask)
)
