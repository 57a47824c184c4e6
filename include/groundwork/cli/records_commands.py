"""Commands that work on Groundwork's records: `migrate` and `seed`."""

from __future__ import annotations

from typing import Annotated

import typer

from groundwork.cli import connect
from groundwork.cli.output import Json, failing_clearly, show
from groundwork.settings import get_settings


def register(app: typer.Typer) -> None:
    app.command()(migrate)
    app.command()(seed)


@failing_clearly
def migrate(as_json: Json = False) -> None:
    """Create the tables, or bring them up to date."""
    from groundwork.records.migrate import current_revision
    from groundwork.records.migrate import migrate as upgrade

    upgrade(connect.database_url())
    revision = current_revision(connect.database_url())
    show({"revision": revision}, f"The records are at schema revision {revision}.", as_json=as_json)


@failing_clearly
def seed(
    cluster: Annotated[
        str | None, typer.Option(help="Airflow connection of the cluster that the environments use.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make sure of the demo's organization, user and environments; what is there stays."""
    from groundwork.operations.seed import Seed
    from groundwork.operations.seed import seed as make_sure

    with connect.records() as records:
        seeded = make_sure(records, Seed(cluster or get_settings().cluster_connection))
    environments = [item.slug for item in seeded.environments]
    show(
        {
            "organization": {"id": str(seeded.organization.id), "slug": seeded.organization.slug},
            "user": {"id": str(seeded.user.id), "username": seeded.user.username},
            "environments": [{"id": str(item.id), "slug": item.slug} for item in seeded.environments],
        },
        f"Organization '{seeded.organization.slug}' has member '{seeded.user.username}' and environments"
        f" {', '.join(environments)}.",
        as_json=as_json,
    )
