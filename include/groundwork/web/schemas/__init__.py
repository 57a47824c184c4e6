"""What the API answers with: the records' entities as JSON, by subject, for other programs to rely on."""

from groundwork.web.schemas.choices import (
    Check,
    Environment,
    Organization,
    OrganizationChoice,
    TemplateChoice,
    User,
)
from groundwork.web.schemas.health import Day, GitLabBudget, Health, SyncTimes
from groundwork.web.schemas.operations import Approval, Change, Difference, Event, Operation, Plan, Run, Step
from groundwork.web.schemas.projects import (
    Holder,
    ListedEnvironment,
    Project,
    ProjectEnvironment,
    ProjectLine,
    ProjectPage,
    Repository,
    Resource,
    State,
)

__all__ = [
    "Approval",
    "Change",
    "Check",
    "Day",
    "Difference",
    "Environment",
    "Event",
    "GitLabBudget",
    "Health",
    "Holder",
    "ListedEnvironment",
    "Operation",
    "Organization",
    "OrganizationChoice",
    "Plan",
    "Project",
    "ProjectEnvironment",
    "ProjectLine",
    "ProjectPage",
    "Repository",
    "Resource",
    "Run",
    "State",
    "Step",
    "SyncTimes",
    "TemplateChoice",
    "User",
]
