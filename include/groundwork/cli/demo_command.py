"""`demo`: one sample project on a sandbox that runs, from the request to what was made of it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import FAILED, Json, console, error_console, failing_clearly, say, show
from groundwork.cli.request_commands import begin, see_through
from groundwork.settings import env_file, get_settings

if TYPE_CHECKING:
    from groundwork.records import Records

_PREFIX = "demo-"
_ENVIRONMENTS = ("dev", "staging", "prod")


def register(app: typer.Typer) -> None:
    app.command()(demo)


@failing_clearly
def demo(
    group: Annotated[
        str, typer.Option(help="Full path of the GitLab group for the repository.")
    ] = "platform",
    as_json: Json = False,
) -> None:
    """Make a sample project with three environments, and show where to look at it. `make demo` runs this."""
    from groundwork.cli import request_input
    from groundwork.cli.outcome import rendered

    with connect.records() as records:
        slug = _free_slug(records)
    values = request_input.checked(_sample(slug, group))
    shown_on = error_console if as_json else console
    environments = ", ".join(_ENVIRONMENTS)
    say(f"Asking for project '{slug}' from template web-service in {environments}.", shown_on)
    with connect.airflow() as airflow:
        result = see_through(airflow, begin(airflow, values), as_json=as_json)
        look = _where_to_look(airflow.url)
    more = {
        "Airflow": f"{look['url']} (log in as {look['user']}, password: {look['password']})",
        "Look again": f"groundwork status {slug}",
        "Stop": "make down",
    }
    show({**result.as_json(), "airflow": look}, rendered(result, more), as_json=as_json)
    if not result.synced:
        raise typer.Exit(FAILED)


def _free_slug(records: Records) -> str:
    return next(slug for number in count(1) if not records.projects.find(slug := f"{_PREFIX}{number}"))


def _sample(slug: str, group: str) -> dict[str, Any]:
    return {
        "name": f"Demo {slug.removeprefix(_PREFIX)}",
        "slug": slug,
        "user_id": "demo",
        "organization_id": "platform",
        "repository": {"group_path": group, "description": "A sample web service made by `make demo`."},
        "template_id": "web-service",
        "template_answers": {"replicas": 1, "environment_replicas": {"prod": 2}},
        "environment_ids": list(_ENVIRONMENTS),
    }


def _where_to_look(airflow_url: str) -> dict[str, str]:
    """Airflow's address and how to log in; the password itself is not printed, for output ends up in logs."""
    file = env_file()
    where = f"AIRFLOW_PASSWORD in {file}" if file.is_file() else "what GROUNDWORK_AIRFLOW_PASSWORD holds"
    return {"url": airflow_url, "user": get_settings().airflow_user or "", "password": where}
