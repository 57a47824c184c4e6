"""`templates` and `environments`: what a request may name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundwork.cli import connect
from groundwork.cli.output import Json, failing_clearly, show, table

if TYPE_CHECKING:
    from groundwork.catalog import Template

templates = typer.Typer(help="The templates a project can start from.")


def register(app: typer.Typer) -> None:
    app.add_typer(templates, name="templates", invoke_without_command=True, callback=list_templates)
    app.command()(environments)


@failing_clearly
def list_templates(context: typer.Context, as_json: Json = False) -> None:
    """The templates a project can start from; `templates show ID` lists one's questions."""
    if context.invoked_subcommand:
        return
    from groundwork import catalog

    found = catalog.list_templates()
    drawn = table("id", "version", "title", "description")
    for item in found:
        drawn.add_row(item.id, item.version, item.title, item.description)
    show([_summary(item) for item in found], drawn, as_json=as_json)


@templates.command("show")
@failing_clearly
def show_template(
    template_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: Json = False,
) -> None:
    """One template with its questions."""
    from rich.console import Group
    from rich.text import Text

    from groundwork import catalog

    template = catalog.get_template(template_id)
    questions = table("answer", "type", "default", "meaning")
    for item in template.questions:
        choices = (
            f" One of {', '.join(str(choice.value) for choice in item.choices)}." if item.choices else ""
        )
        default = "required" if item.required else json.dumps(item.default, default=str)
        questions.add_row(item.name, item.type, default, item.help + choices)
    title = Text(f"{template.id} {template.version}: {template.title}", style="bold")
    value = {**_summary(template), "answers_schema": catalog.answers_schema(template)}
    show(value, Group(title, Text(template.description), Text(), questions), as_json=as_json)


@failing_clearly
def environments(
    organization: Annotated[str | None, typer.Option(help="Id or slug; without it, of all.")] = None,
    as_json: Json = False,
) -> None:
    """The environments a project can run in."""
    with connect.records() as records:
        found = records.directory.list_environments(organization)
        owners = {
            item: records.directory.organization(str(item)).slug
            for item in {environment.organization_id for environment in found}
        }
    drawn = table("slug", "name", "organization", "cluster")
    values: list[dict[str, Any]] = []
    for item in found:
        owner = owners[item.organization_id]
        drawn.add_row(item.slug, item.name, owner, item.cluster)
        values.append(
            {
                "id": item.id,
                "slug": item.slug,
                "name": item.name,
                "organization": owner,
                "cluster": item.cluster,
            }
        )
    show(values, drawn if found else "There are no environments yet: `groundwork seed`.", as_json=as_json)


def _summary(template: Template) -> dict[str, Any]:
    return {
        "id": template.id,
        "version": template.version,
        "title": template.title,
        "description": template.description,
    }
