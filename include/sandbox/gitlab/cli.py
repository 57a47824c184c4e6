"""The command line: `python -m sandbox.gitlab serve --state-dir DIR --port PORT`."""

from __future__ import annotations

import copy
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from sandbox.gitlab.app import create_app
from sandbox.gitlab.errors import StateInUse
from sandbox.gitlab.http.protocol import AbortableProtocol
from sandbox.gitlab.settings import VERSION, ServerSettings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A GitLab-compatible server for one machine.",
)

_LOGGING = copy.deepcopy(LOGGING_CONFIG)
_LOGGING["handlers"]["default"]["stream"] = "ext://sys.stdout"
_BACKLOG = 1024
_GRACE = 10


@app.command()
def serve(
    state_dir: Annotated[Path, typer.Option(help="Folder that keeps everything; made if absent.")],
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    external_url: Annotated[
        str, typer.Option(help="Base of URLs in answers; the address itself if absent.")
    ] = "",
) -> None:
    """Run the server until SIGTERM. `GITLAB_ADMIN_TOKEN` sets root's token on the first start."""
    settings = ServerSettings(
        state_dir=state_dir.resolve(), external_url=external_url or f"http://{host}:{port}"
    )
    try:
        application = create_app(settings)
    except StateInUse as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(1) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once all is closed
    uvicorn.run(
        application,
        host=host,
        port=port,
        http=AbortableProtocol,
        ws="none",
        backlog=_BACKLOG,
        access_log=False,
        log_config=_LOGGING,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=75,
    )


@app.command()
def version() -> None:
    """Print the GitLab release whose behaviour is followed."""
    typer.echo(VERSION)
