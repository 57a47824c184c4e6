"""What a request may choose from, and checks of single values while somebody types."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from groundwork import catalog
from groundwork.errors import InvalidRequest, NotFound
from groundwork.model import names
from groundwork.model.names import REFERENCE_PATTERN
from groundwork.web import schemas
from groundwork.web.context import Context, ContextDep
from groundwork.web.problems import documented

router = APIRouter(tags=["choices"])


@router.get("/templates", responses=documented())
def list_templates() -> list[schemas.TemplateChoice]:
    """The templates of the catalog with the schema of their answers."""
    return [schemas.TemplateChoice.of(template) for template in catalog.list_templates()]


@router.get("/templates/{template_id}", responses=documented(404))
def get_template(
    template_id: Annotated[str, Path(max_length=100, pattern=REFERENCE_PATTERN)],
) -> schemas.TemplateChoice:
    """One template with the schema of its answers."""
    try:
        return schemas.TemplateChoice.of(catalog.get_template(template_id))
    except InvalidRequest as error:
        raise NotFound(f"There is no template '{template_id}'.") from error


@router.get("/organizations", responses=documented())
def list_organizations(context: ContextDep) -> list[schemas.OrganizationChoice]:
    """The organizations of whoever is logged in, or all of them for those who may name other users."""
    return organizations(context)


@router.get("/checks/slug", responses=documented())
def check_slug(
    context: ContextDep,
    slug: Annotated[str, Query(max_length=200)],
    organization: Annotated[str | None, Query(max_length=100, pattern=REFERENCE_PATTERN)] = None,
) -> schemas.Check:
    """Whether a new project may have this slug."""
    rule = names.slug_problem(slug)
    if rule:
        return schemas.Check(ok=False, rule=rule)
    with context.records() as records:
        if records.listing.slug_is_free(slug, organization):
            return schemas.Check(ok=True)
    return schemas.Check(ok=False, rule=f"'{slug}' is taken by another project")


@router.get("/checks/path", responses=documented())
async def check_path(
    context: ContextDep,
    group_path: Annotated[str, Query(max_length=255)],
    slug: Annotated[str, Query(max_length=200)],
) -> schemas.Check:
    """Whether GitLab has the group, and nothing yet where the repository is to be."""
    rule = names.group_path_problem(group_path) or names.slug_problem(slug)
    if rule:
        return schemas.Check(ok=False, rule=rule)
    rule = await context.apart(lambda: _path_problem(context, group_path, slug))
    return schemas.Check(ok=rule is None, rule=rule)


def organizations(context: Context) -> list[schemas.OrganizationChoice]:
    """Organizations with environments and members that the caller may ask for projects in."""
    whose = None if context.caller.may_name_others else context.caller.name
    with context.records() as records:
        return [schemas.OrganizationChoice.of_membership(item) for item in records.people.memberships(whose)]


def _path_problem(context: Context, group_path: str, slug: str) -> str | None:
    with context.services() as services:
        if services.gitlab.groups.find(group_path) is None:
            return f"GitLab has no group '{group_path}' that Groundwork's token can see"
        found = services.gitlab.projects.find(f"{group_path}/{slug}")
    if found is None:
        return None
    doomed = f", which is marked for deletion on {found.deletion_date}" if found.deletion_date else ""
    return f"GitLab already has '{found.path}'{doomed}"
