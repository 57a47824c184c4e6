"""Run as `python -m sandbox.gitlab`."""

from sandbox.gitlab.cli import app

app(prog_name="groundwork-gitlab")
