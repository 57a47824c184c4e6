"""What a run has made, or why it has not: from the records where they can be read, else from the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from groundwork.cli import connect
from groundwork.cli.output import error_console, facts, say, table
from groundwork.cli.progress import Cell, Progress, State
from groundwork.clients.airflow import Airflow
from groundwork.errors import GroundworkError
from groundwork.model.entities import Operation, StepEntry
from groundwork.model.names import namespace_name
from groundwork.model.statuses import OperationStatus
from groundwork.records import Records
from groundwork.settings import get_settings

_LAST_STEP = "mark_project_synced"
_WAIT = "wait_until_synced"
_MARK = "mark_environment_synced"
_LINK = "Repository"


@dataclass(frozen=True)
class MadeRepository:
    path: str
    url: str | None
    commit: str | None


@dataclass(frozen=True)
class MadeEnvironment:
    environment: str
    namespace: str
    status: str
    reason: str
    message: str
    revision: str | None


@dataclass(frozen=True)
class Failed:
    """A step that failed; `environment` is None for one of the project as a whole."""

    step: str
    environment: str | None
    reason: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `synced` is whether the project was seen so, `seconds` the time from the trigger."""

    run_id: str
    dag_id: str
    state: str
    url: str
    slug: str
    project_id: str | None
    synced: bool
    seconds: float | None
    repository: MadeRepository | None
    environments: tuple[MadeEnvironment, ...]
    failures: tuple[Failed, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Recorded:
    operation: Operation
    steps: list[StepEntry]
    repository: MadeRepository | None
    environments: tuple[MadeEnvironment, ...]


def outcome(airflow: Airflow, ended: Progress) -> Outcome:
    """What became of a run that has ended."""
    run = ended.run
    request = run.conf or {}
    recorded = _recorded(request, run.run_id)
    if recorded:
        repository, environments = recorded.repository, recorded.environments
    else:
        repository, environments = _from_run(airflow, ended, request)
    return Outcome(
        run_id=run.run_id,
        dag_id=run.dag_id,
        state=run.state,
        url=airflow.run_url(run.dag_id, run.run_id),
        slug=str(request.get("slug", "")),
        project_id=str(recorded.operation.project_id) if recorded else None,
        synced=_synced(ended),
        seconds=ended.seconds_until(_LAST_STEP),
        repository=repository,
        environments=environments,
        failures=_failures(airflow, ended, recorded),
    )


def rendered(result: Outcome, more: Mapping[str, str] | None = None) -> RenderableType:
    """The outcome for a person; `more` is added to the facts at its end."""
    parts: list[RenderableType] = [Text()]
    if result.synced:
        took = f", {result.seconds:.1f} s after it was asked for" if result.seconds is not None else ""
        parts.append(Text(f"Project '{result.slug}' is synced{took}.", style="bold green"))
    else:
        parts.append(Text(f"Project '{result.slug}' failed.", style="bold red"))
    for failure in result.failures:
        where = f" ({failure.environment})" if failure.environment else ""
        parts.append(Text(f"{failure.step}{where}: {failure.reason}: {failure.message}", style="red"))
    if result.environments:
        parts += [Text(), _environments(result)]
    known = {}
    if result.repository:
        known["Repository"] = result.repository.url or result.repository.path
        known["Commit"] = result.repository.commit or "not known"
    return Group(*parts, Text(), facts({**known, "Run": result.url, **(more or {})}))


def _environments(result: Outcome) -> RenderableType:
    made = table("environment", "namespace", "status", "revision")
    for item in result.environments:
        made.add_row(item.environment, item.namespace, item.status, item.revision or "")
    return made


def _synced(ended: Progress) -> bool:
    """The step that says so is done: a run may end well for other reasons, such as a task marked by hand."""
    last = ended.cell(_LAST_STEP, None)
    return ended.run.state == "success" and last is not None and last.state is State.DONE


def _recorded(request: Mapping[str, Any], run_id: str) -> _Recorded | None:
    """What the records hold of this run; None without a database, or if it never became an operation."""
    if get_settings().database_url is None:
        return None
    try:
        with connect.records() as records:
            return _read(records, str(request.get("slug", "")), run_id)
    except GroundworkError as error:
        say(Text(f"The records cannot be read: {error.message}", style="yellow"), error_console)
        return None


def _read(records: Records, slug: str, run_id: str) -> _Recorded | None:
    project = records.projects.find(slug)
    operations = records.operations.list(project.id) if project else []
    operation = next((item for item in operations if item.run_id == run_id), None)
    if operation is None:
        return None
    environments = tuple(
        MadeEnvironment(
            environment=item.environment.slug,
            namespace=item.namespace,
            status=item.state.status,
            reason=item.state.reason,
            message=item.state.message,
            revision=item.state.revision,
        )
        for item in records.resources.environments_of(operation.project_id)
    )
    repository = None
    if environments:
        found = records.resources.repository(operation.project_id)
        repository = MadeRepository(found.path, found.web_url, found.state.revision)
    return _Recorded(operation, records.ledger.steps(operation.id), repository, environments)


def _from_run(
    airflow: Airflow, ended: Progress, request: Mapping[str, Any]
) -> tuple[MadeRepository | None, tuple[MadeEnvironment, ...]]:
    """What Airflow alone can tell: no commits, and nothing before the environments were mapped."""
    marks = [cell for cell in ended.cells if cell.step == _MARK]
    if not marks or not request:
        return None, ()
    slug, prefix = request["slug"], get_settings().namespace_prefix
    environments = tuple(
        MadeEnvironment(
            environment=cell.environment or "",
            namespace=namespace_name(prefix, slug, cell.environment or ""),
            status="synced" if cell.state is State.DONE else "not synced",
            reason="",
            message="",
            revision=None,
        )
        for cell in marks
    )
    path = f"{request['repository']['group_path']}/{slug}"
    return MadeRepository(path, _repository_url(airflow, ended), None), environments


def _repository_url(airflow: Airflow, ended: Progress) -> str | None:
    wait = next((cell for cell in ended.cells if cell.step == _WAIT), None)
    if wait is None:
        return None
    try:
        return airflow.links(ended.run.dag_id, ended.run.run_id, wait.task).get(_LINK)
    except GroundworkError:
        return None


def _failures(airflow: Airflow, ended: Progress, recorded: _Recorded | None) -> tuple[Failed, ...]:
    if _synced(ended):
        return ()
    explained = {
        (entry.step, entry.scope): entry
        for entry in (recorded.steps if recorded else [])
        # A fault of the program is only named in the ledger; the task's log says more.
        if entry.status is OperationStatus.FAILED and entry.reason != GroundworkError.reason
    }
    found = []
    for cell in ended.failed:
        entry = explained.get((cell.step, cell.environment or ""))
        reason, message = (
            (entry.reason or "", entry.message or "") if entry else _logged(airflow, ended, cell)
        )
        found.append(Failed(cell.step, cell.environment, reason, message))
    if found:
        return tuple(found)
    operation = recorded.operation if recorded else None
    reason = (operation and operation.reason) or "RunFailed"
    message = (operation and operation.message) or "Airflow ended the run although no step of it failed."
    return (Failed("run", None, reason, message),)


def _logged(airflow: Airflow, ended: Progress, cell: Cell) -> tuple[str, str]:
    """Reason and message from the end of a failed task's log."""
    try:
        failure = airflow.failure(ended.run.dag_id, ended.run.run_id, cell.task)
    except GroundworkError as error:
        return "TaskFailed", f"its log cannot be read: {error.message}"
    if failure.error:
        reason, _, message = failure.error.partition(": ")
        return reason, message
    return "TaskFailed", "\n".join(["the end of its log:", *failure.lines])
