"""The `groundwork` command."""

from groundwork.cli.main import app

__all__ = ["app"]
