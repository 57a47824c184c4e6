"""`python -m groundwork.cli`, for where the console script is not installed."""

from groundwork.cli import app

app()
