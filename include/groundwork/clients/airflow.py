"""Airflow's REST API: trigger a run, follow it, answer what it asks. The only importer of httpx.

Answers become small models, errors ours. A POST is never repeated blindly: after an ambiguous failure the
caller looks whether its run is there, for it chose the run's id. Source: Airflow docs, "REST API" (v2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from groundwork.clients import airflow_answers as answers
from groundwork.clients.airflow_answers import Approval, Dag, Failure, Run, TaskInstance, TaskOfRun
from groundwork.errors import (
    Conflict,
    GroundworkError,
    InvalidRequest,
    Misconfigured,
    NotAllowed,
    NotFound,
    Problem,
    QuotaExceeded,
    Rejected,
    Unavailable,
)

__all__ = ["Airflow", "Approval", "Dag", "Failure", "Run", "TaskInstance", "TaskOfRun"]

_PAGE = 100  # the default of Airflow's `[api] maximum_page_limit`
_EXCERPT = 300
_INVALID_PARAM = re.compile(r"Invalid input for param (\w+): (.+)")
_Answer = TypeVar("_Answer", bound=BaseModel)


class Airflow:
    """Airflow's API v2 at `url`, as one user. Logs in at the first call; use it as a context manager.

    Every call may raise `Unavailable` or `QuotaExceeded` (later it may work), `NotAllowed`, and
    `Misconfigured` when what answers is not Airflow 3. `timeout` is seconds for one answer.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = _checked(url)
        self._credentials = {"username": user, "password": password}
        self._http = httpx.Client(
            base_url=self.url,
            timeout=timeout,
            transport=transport,
            trust_env=not _is_loopback(self.url),  # a proxy cannot reach this machine's own addresses
        )

        self._may_log_in = True

    @classmethod
    def as_caller(cls, url: str, user: str, token: str, timeout: float) -> Self:
        """As the `user` who has already logged in and was given `token`."""
        client = cls(url, user, "", timeout)
        client._http.headers["Authorization"] = f"Bearer {token}"
        client._may_log_in = False
        return client

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def dag(self, dag_id: str) -> Dag:
        """Raises `NotFound`, with the reason if the DAG's file could not be imported."""
        try:
            return self._get(Dag, _path("dags", dag_id))
        except NotFound as error:
            broken = self.import_error(dag_id)
            why = (
                f"its file could not be imported: {broken}" if broken else "is the DAG folder the right one?"
            )
            raise NotFound(f"Airflow at {self.url} has no DAG {dag_id}; {why}") from error

    def import_error(self, dag_id: str) -> str | None:
        """The last line of the import error of the DAG's file (named as the DAG), if there is one."""
        errors = self._get(answers.ImportErrors, "importErrors", limit=_PAGE).import_errors
        of_dag = (item for item in errors if item.filename.endswith(f"{dag_id}.py"))
        return next((item.stack_trace.strip().splitlines()[-1] for item in of_dag), None)

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Run:
        """Start a run under this id.

        Raises `Conflict` if the id is taken, `InvalidRequest` on the param Airflow refuses, `Rejected` for
        other refusals.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        return self._answer(Run, self._request("POST", _path("dags", dag_id, "dagRuns"), json=body))

    def run(self, dag_id: str, run_id: str) -> Run:
        """Raises `NotFound`."""
        return self._get(Run, _path("dags", dag_id, "dagRuns", run_id))

    def clear(self, dag_id: str, run_id: str, tasks: Sequence[TaskInstance]) -> None:
        """Run these tasks of a run again. Raises `NotFound`."""
        chosen = [[task.task_id, task.map_index] if task.map_index >= 0 else task.task_id for task in tasks]
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": chosen, "only_failed": False}
        self._answer(
            answers.TaskInstances,
            self._request("POST", _path("dags", dag_id, "clearTaskInstances"), json=body),
        )

    def approvals(self) -> list[Approval]:
        """What tasks of all DAGs this user may see wait for, oldest first."""
        query = {"response_received": False, "order_by": "created_at", "limit": _PAGE}
        return self._get(answers.Approvals, "dags/~/dagRuns/~/hitlDetails", **query).hitl_details

    def answer(self, dag_id: str, run_id: str, task_id: str, map_index: int, option: str) -> None:
        """Give a waiting task its answer.

        Raises `NotFound`, `Conflict` if somebody has answered before, `Rejected` for another option.
        """
        path = _path(
            *("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, str(map_index), "hitlDetails")
        )
        body = {"chosen_options": [option]}
        self._answer(answers.Answered, self._request("PATCH", path, json=body))

    def task_ids(self, dag_id: str) -> list[str]:
        """The DAG's tasks, each after those it depends on."""
        order: TopologicalSorter[str] = TopologicalSorter()
        for task_id, downstream in self.downstream(dag_id).items():
            order.add(task_id)
            for below in downstream:
                order.add(below, task_id)
        return list(order.static_order())

    def downstream(self, dag_id: str) -> dict[str, list[str]]:
        """The tasks that come right after each task of the DAG."""
        tasks = self._get(answers.Tasks, _path("dags", dag_id, "tasks")).tasks
        return {task.task_id: task.downstream_task_ids for task in tasks}

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """All task instances of a run, mapped ones included."""
        path = _path("dags", dag_id, "dagRuns", run_id, "taskInstances")
        found: list[TaskInstance] = []
        while True:
            page = self._get(answers.TaskInstances, path, limit=_PAGE, offset=len(found))
            found += page.task_instances
            if not page.task_instances or len(found) >= page.total_entries:
                return found

    def tasks_of_runs(
        self, dag_ids: Sequence[str], run_ids: Sequence[str], states: Sequence[str]
    ) -> list[TaskOfRun]:
        """The task instances of many runs that are in one of these states, by pages of 100."""
        asked = {"dag_ids": list(dag_ids), "dag_run_ids": list(run_ids), "state": list(states)}
        path = "dags/~/dagRuns/~/taskInstances/list"
        found: list[TaskOfRun] = []
        while True:
            body = {**asked, "order_by": "id", "page_limit": _PAGE, "page_offset": len(found)}
            page = self._answer(answers.TasksOfRuns, self._request("POST", path, json=body))
            found += page.task_instances
            if not page.task_instances or len(found) >= page.total_entries:
                return found

    def failure(self, dag_id: str, run_id: str, task: TaskInstance, lines: int = 10) -> Failure:
        """The end of the log of a task's last try."""
        path = _path(
            *("dags", dag_id, "dagRuns", run_id, "taskInstances", task.task_id, "logs", str(task.try_number))
        )
        content = self._get(answers.Log, path, map_index=task.map_index, full_content=True).content
        errors = [_error(item) for item in content if isinstance(item, dict) and item.get("error_detail")]
        texts = [str(item.get("event", "")) if isinstance(item, dict) else item for item in content]
        return Failure(error=errors[-1] if errors else None, lines=texts[-lines:])

    def links(self, dag_id: str, run_id: str, task: TaskInstance) -> dict[str, str | None]:
        """The links a task shows in Airflow's UI, by name."""
        path = _path("dags", dag_id, "dagRuns", run_id, "taskInstances", task.task_id, "links")
        return self._get(answers.Links, path, map_index=task.map_index).extra_links

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The run's page in Airflow's UI."""
        return f"{self.url}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"

    def _get(self, model: type[_Answer], path: str, **query: Any) -> _Answer:
        return self._answer(model, self._request("GET", path, params=query))

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One call; a token that has expired is replaced once."""
        if "Authorization" not in self._http.headers:
            self._log_in()
        response = self._send(method, f"/api/v2/{path}", **content)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._may_log_in:
            self._log_in()
            response = self._send(method, f"/api/v2/{path}", **content)
        return self._checked_response(response)

    def _log_in(self) -> None:
        self._http.headers.pop("Authorization", None)
        response = self._send("POST", "/auth/token", json=self._credentials)
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise NotAllowed(
                f"Airflow at {self.url} does not accept user '{self._credentials['username']}' with this"
                " password: correct AIRFLOW_USER and AIRFLOW_PASSWORD."
            )
        token = self._answer(answers.Token, self._checked_response(response)).access_token
        self._http.headers["Authorization"] = f"Bearer {token}"

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, headers={"Accept": "application/json"}, **content)
        except httpx.RequestError as error:
            what = str(error).rstrip(".") or type(error).__name__
            raise Unavailable(f"Airflow at {self.url} cannot be reached: {what}. Is it running?") from error

    def _checked_response(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        if response.is_redirect:
            place = response.headers.get("Location", "another place")
            raise Misconfigured(f"{self.url} redirects to {place}: correct AIRFLOW_URL.")
        raise self._refusal(response)

    def _refusal(self, response: httpx.Response) -> GroundworkError:
        status = response.status_code
        detail = _detail(response)
        said = f"Airflow at {self.url} answered {status}: {detail}"
        if response.is_server_error:
            return Unavailable(said)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return QuotaExceeded(said, _seconds(response.headers.get("Retry-After")))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            user = self._credentials["username"]
            return NotAllowed(f"Airflow at {self.url} does not let user '{user}' do this: {detail}")
        if status == httpx.codes.NOT_FOUND:
            return NotFound(said)
        if status == httpx.codes.CONFLICT:
            return Conflict(said)
        param = _INVALID_PARAM.search(detail)
        if param:
            return InvalidRequest([Problem(param[1], param[2])])
        return Rejected(said)

    def _answer(self, model: type[_Answer], response: httpx.Response) -> _Answer:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            raise Misconfigured(
                f"{self.url} did not answer {response.request.url.path} as Airflow 3 does:"
                " correct AIRFLOW_URL."
            ) from error


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo:
        raise Misconfigured("AIRFLOW_URL must be a URL such as https://airflow.example.com, without user.")
    return url.rstrip("/")


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _path(*parts: str) -> str:
    return "/".join(quote(part, safe="") for part in parts)


def _detail(response: httpx.Response) -> str:
    """What the answer says, on one line; a page of HTML says nothing."""
    try:
        said = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase or "no explanation"
    if isinstance(said, list):
        said = "; ".join(
            f"{'.'.join(map(str, item.get('loc', ())))}: {item.get('msg')}"
            if isinstance(item, dict)
            else item
            for item in said
        )
    lines = str(said).strip().splitlines()
    return lines[0][:_EXCERPT] if lines else "no explanation"


def _error(message: dict[str, Any]) -> str:
    """The exception a log message carries; its causes come after it in the list."""
    raised = message["error_detail"][0]
    return f"{raised.get('exc_type')}: {raised.get('exc_value')}"


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None
