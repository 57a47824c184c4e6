"""GitLab's API as Groundwork uses it: `GitLab` is the way in, its parts are by subject.

Answers are small dataclasses, errors are ours. Nothing here sleeps or repeats.
"""

from groundwork.clients.gitlab.api import GitLab
from groundwork.clients.gitlab.types import (
    MAINTAINER,
    BranchProtection,
    CommitInfo,
    DeployToken,
    GitLabProject,
    Group,
    MergeRequest,
    NewProject,
)

__all__ = [
    "MAINTAINER",
    "BranchProtection",
    "CommitInfo",
    "DeployToken",
    "GitLab",
    "GitLabProject",
    "Group",
    "MergeRequest",
    "NewProject",
]
