"""Airflow's `@task`, with links to what the task works on beside its log.

`project_task` links to the project's page, `repository_task` also to its repository, and `environment_task`
also to the Kustomization of its argument `environment`. Source: Airflow docs, "Creating Custom @task
Decorators".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, cast

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperatorLink
from airflow.sdk.bases.decorator import DecoratedOperator, TaskDecorator, task_decorator_factory

from groundwork.orchestration.links import KustomizationLink, ProjectLink, RepositoryLink


class ProjectTask(DecoratedOperator, PythonOperator):
    """A function that works on a project."""

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    custom_operator_name = "@task"
    operator_extra_links: Collection[BaseOperatorLink] = (ProjectLink(),)

    def __init__(self, *, python_callable: Any, op_args: Any, op_kwargs: Any, **kwargs: Any) -> None:
        given = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=given, **given, **kwargs)


class RepositoryTask(ProjectTask):
    """A function that works on a project's repository."""

    operator_extra_links = (ProjectLink(), RepositoryLink())


class EnvironmentTask(ProjectTask):
    """A function that works on one environment of a project."""

    operator_extra_links = (ProjectLink(), KustomizationLink())


project_task = cast(TaskDecorator, partial(task_decorator_factory, decorated_operator_class=ProjectTask))
repository_task = cast(
    TaskDecorator, partial(task_decorator_factory, decorated_operator_class=RepositoryTask)
)
environment_task = cast(
    TaskDecorator, partial(task_decorator_factory, decorated_operator_class=EnvironmentTask)
)
