"""A project through the form: asked for, watched until it is synced without a reload, told where it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from .conftest import Site

Visit = Callable[..., Site]
SYNCED_WITHIN = 90_000


MENDED = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
configMapGenerator:
  - name: icon
    literals: [shape=round]
"""


def mend(sandbox: Any, slug: str) -> None:
    """Correct the overlay in the repository, as a developer would, through GitLab's API."""
    file = "deploy%2Foverlays%2Fdev%2Fkustomization.yaml"
    headers = {"PRIVATE-TOKEN": sandbox.gitlab_token}
    with httpx.Client(base_url=f"{sandbox.gitlab_url}/api/v4", headers=headers, trust_env=False) as client:
        change = {"branch": "main", "commit_message": "Leave the picture out", "content": MENDED}
        path = f"/projects/platform%2F{slug}/repository/files/{file}"
        client.put(path, json=change).raise_for_status()


def fill(page: Page, slug: str, name: str, template: str = "web-service") -> None:
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Slug").fill(slug)
    page.get_by_label("Template", exact=True).select_option(template)
    page.get_by_label("Group").fill("platform")


def confirm(page: Page) -> None:
    """Look at the plan and let it be carried out."""
    page.get_by_role("button", name="Show plan").click()
    plan = page.get_by_role("dialog", name="Plan")
    expect(plan.get_by_role("listitem").filter(has_text="create Repository").first).to_be_visible()
    expect(plan.get_by_text("create Kustomization").first).to_be_visible()
    plan.get_by_role("button", name="Create project").click()
    page.wait_for_url("**/groundwork/runs/initialize_project/**")


def test_a_project_is_asked_for_and_seen_becoming_synced(visit: Visit, slug: str) -> None:
    page = visit().open("/new")
    fill(page, slug, f"Page {slug}")
    page.get_by_label("Production").check()
    confirm(page)
    page.evaluate("window.notReloaded = true")
    expect(page.get_by_role("heading", level=1, name=f"Page {slug}")).to_be_visible(timeout=SYNCED_WITHIN)
    chain = page.get_by_label("Resources of Production")
    expect(chain.get_by_text("synced")).to_have_count(5, timeout=SYNCED_WITHIN)
    expect(page.locator("main .title .badge").first).to_have_text("✓ synced", timeout=SYNCED_WITHIN)
    expect(page.get_by_role("status")).to_have_text(f"Page {slug} is synced")
    assert page.evaluate("window.notReloaded") is True
    expect(page.get_by_role("link", name=f"platform/{slug}")).to_be_visible()


@pytest.mark.timeout(300)
def test_a_failing_project_shows_the_message_of_flux_and_is_mended_and_retried(
    visit: Visit, slug: str, sandbox: Any
) -> None:
    page = visit().open("/new")
    fill(page, slug, f"Broken {slug}", template="refused-by-flux")
    confirm(page)
    chain = page.get_by_label("Resources of Development")
    failed = chain.get_by_role("listitem").filter(has_text="Kustomization")
    expect(failed.locator(".badge")).to_have_text("✗ failed", timeout=SYNCED_WITHIN)
    expect(failed).to_contain_text("icon.png")
    retry = page.get_by_role("button", name="Retry")
    expect(retry).to_be_visible(timeout=SYNCED_WITHIN)

    mend(sandbox, slug)
    retry.click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    expect(page.locator("main .title .badge").first).to_have_text("✓ synced", timeout=SYNCED_WITHIN)


@pytest.mark.timeout(400)
def test_a_project_is_removed_and_taken_back(visit: Visit, slug: str) -> None:
    site = visit()
    page = site.open("/new")
    fill(page, slug, f"Gone {slug}", template="settings-only")
    confirm(page)
    status = page.locator("main .title .badge").first
    expect(status).to_have_text("✓ synced", timeout=SYNCED_WITHIN)

    site.open(f"/projects/{slug}")
    page.get_by_role("button", name="Decommission").click()
    dialog = page.get_by_role("dialog", name="Decommission")
    expect(dialog.get_by_label("Keep a backup")).to_have_count(0)  # there is nowhere to put one
    dialog.get_by_label("to confirm").fill(slug)
    dialog.get_by_role("button", name="Decommission").click()
    expect(status).to_have_text("∅ removed", timeout=SYNCED_WITHIN)

    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog", name="Restore").get_by_role("button", name="Restore").click()
    expect(status).to_have_text("✓ synced", timeout=SYNCED_WITHIN)

    page.get_by_role("button", name="Add environments").click()
    dialog = page.get_by_role("dialog", name="Add environments")
    dialog.get_by_label("Staging").check()
    dialog.get_by_role("button", name="Add environments").click()
    grown = page.get_by_role("region", name="Staging").locator(".title .badge")
    expect(grown).to_have_text("✓ synced", timeout=SYNCED_WITHIN)

    page.get_by_role("button", name="Reconcile now").click()
    page.get_by_role("dialog", name="Reconcile now").get_by_role("button", name="Reconcile now").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_is_wrong_is_said_beside_the_field_while_one_types(visit: Visit, slug: str) -> None:
    page = visit().open("/new")
    page.get_by_label("Name", exact=False).first.fill("Größe 7")
    expect(page.get_by_label("Slug")).to_have_value("gro-e-7")
    page.get_by_label("Slug").fill("Not-A-Slug")
    slug_error = page.locator("[data-error='slug']")
    expect(slug_error).to_contain_text("must be lower-case letters and digits")
    expect(page.get_by_label("Slug")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Slug").fill(slug)
    expect(slug_error).to_be_hidden()
    page.get_by_label("Group").fill("no-such-group")
    expect(page.locator("[data-error='repository.group_path']")).to_contain_text("no group 'no-such-group'")


def test_a_refused_request_lists_every_problem_and_starts_nothing(
    visit: Visit, slug: str, sandbox: Any, token: Callable[[str], str]
) -> None:
    site = visit()
    page = site.open("/new")
    fill(page, slug, f"Refused {slug}")
    page.get_by_label("Development").uncheck()
    page.get_by_text("Answers to the template's questions").locator("visible=true").click()
    page.get_by_label("Environment replicas").fill("{not json")
    page.get_by_role("button", name="Show plan").click()
    expect(page.get_by_role("alert")).to_contain_text("template_answers.environment_replicas")
    page.get_by_label("Environment replicas").fill("{}")
    page.get_by_role("button", name="Show plan").click()
    expect(page.get_by_role("alert")).to_contain_text("environment_ids")
    site.faults.clear()  # the browser's console counts the refusal itself as an error
    headers = {"Authorization": f"Bearer {token('admin')}"}
    answer = httpx.get(
        f"{sandbox.airflow_url}/groundwork/api/v1/projects/{slug}", headers=headers, trust_env=False
    )
    assert answer.status_code == 404


@pytest.mark.parametrize("user", ["viewer"])
def test_who_may_not_ask_is_told_so(visit: Visit, user: str) -> None:
    site = visit(user)
    answer = site.page.goto(f"{site.url}/groundwork/new")
    assert answer is not None
    assert answer.status == 403
    expect(site.page.get_by_role("heading", level=1, name="Forbidden")).to_be_visible()
    site.faults.clear()
