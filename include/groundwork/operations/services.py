"""What an operation works with, handed in by whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from groundwork.clients.git import Git
from groundwork.clients.gitlab import GitLab
from groundwork.clients.kubernetes import Cluster
from groundwork.records import Records
from groundwork.settings import Settings


@dataclass(frozen=True)
class Services:
    """`cluster` gives the client for an environment's cluster by its connection id."""

    settings: Settings
    records: Records
    gitlab: GitLab
    git: Git
    cluster: Callable[[str], Cluster]
