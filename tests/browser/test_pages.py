"""Each page as people meet it: in light and dark, wide and narrow, and nothing that shuts people out.

The pictures of docs/web.md are made here, so they show what the tests saw.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import expect

from groundwork.records import Records

from .conftest import Site

Visit = Callable[..., Site]
SCREENSHOTS = Path(__file__).parents[2] / "docs" / "screenshots"
SCRIPT = "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script>"
# Pictures are only taken when asked for, because they differ with every run's times.
KEEP = bool(os.environ.get("KEEP_SCREENSHOTS"))


@pytest.fixture(scope="session")
def shown(sandbox: Any) -> str:
    """A project with an environment that is synced and one that failed, and a script in all its texts."""
    from .world import make_project

    with Records(sandbox.database_url) as records:
        return make_project(records)


PAGES = {
    "projects": "/projects",
    "new-project": "/new",
    "approvals": "/approvals",
    "health": "/health",
    "project": "/projects/{slug}",
    "run-of-another-dag": "/runs/some_other_dag/manual",
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_page_fits_and_is_accessible(
    visit: Visit, shown: str, name: str, phone: bool, dark: bool
) -> None:
    site = visit(dark=dark, phone=phone)
    page = site.open(PAGES[name].format(slug=shown))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    site.require_accessible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"
    if KEEP:
        SCREENSHOTS.mkdir(exist_ok=True)
        file = f"{name}-{'dark' if dark else 'light'}-{'phone' if phone else 'desktop'}.png"
        page.screenshot(path=SCREENSHOTS / file, full_page=not phone)


def test_an_inaccessible_page_would_be_noticed(visit: Visit) -> None:
    site = visit()
    page = site.open("/projects")
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    with pytest.raises(AssertionError, match="label"):
        site.require_accessible()


def test_what_people_and_flux_said_is_text_and_runs_nothing(visit: Visit, sandbox: Any) -> None:
    from .world import make_project

    with Records(sandbox.database_url) as records:
        slug = make_project(records, text=SCRIPT)
    site = visit()
    page = site.open(f"/projects/{slug}")
    expect(page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    expect(page.get_by_label("Resources of Production")).to_contain_text(SCRIPT)
    page.get_by_text("Template answers").click()
    expect(page.locator("#answers pre")).to_contain_text("broken in")
    assert page.title() == f"{SCRIPT} · Groundwork"
    assert page.locator("main img, main script").count() == 0
    site.open("/projects")
    assert page.title() == "Projects · Groundwork"
    assert page.locator("main img, main script").count() == 0


def test_everything_is_reached_with_the_keyboard(visit: Visit, shown: str) -> None:
    page = visit().open("/projects")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Search").focus()
    page.keyboard.type(shown)
    page.keyboard.press("Enter")
    page.wait_for_url("**search=**")
    page.get_by_role("rowheader").get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/projects/{shown}")
    page.get_by_role("button", name="Decommission").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Decommission")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Decommission")).to_be_focused()


def test_an_action_that_removes_wants_the_name_typed(visit: Visit, shown: str) -> None:
    page = visit().open(f"/projects/{shown}")
    page.get_by_role("button", name="Decommission").click()
    dialog = page.get_by_role("dialog", name="Decommission")
    dialog.get_by_label("to confirm").fill("another")
    dialog.get_by_role("button", name="Decommission").click()
    expect(dialog).to_be_visible()
    assert dialog.get_by_label("to confirm").evaluate("input => input.validity.patternMismatch") is True


def test_a_viewer_is_offered_no_actions(visit: Visit, shown: str) -> None:
    page = visit("viewer").open(f"/projects/{shown}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-dialog]")).to_have_count(0)


def test_the_list_is_searched_filtered_and_paged(visit: Visit, sandbox: Any) -> None:
    word = f"w{uuid4().hex[:8]}"
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO projects (organization_id, slug, name, requested_by, template_id, template_version)"
            " SELECT o.id, %s || '-' || n, %s || ' ' || n, u.id, 'web-service', '1.0.0'"
            " FROM generate_series(1, 60) n, organizations o, users u"
            " WHERE o.slug = 'platform' AND u.username = 'demo'",
            [word, word],
        )
    page = visit().open("/projects")
    page.get_by_label("Search").fill(word)
    page.get_by_label("Status").select_option("pending")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("rowheader")).to_have_count(50)
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("rowheader")).to_have_count(10)
    expect(page.get_by_label("Search")).to_have_value(word)
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)


def test_it_stands_inside_airflow_and_links_lead_out_of_it(visit: Visit, shown: str) -> None:
    site = visit()
    page = site.page
    page.goto(f"{site.url}/plugin/groundwork-projects")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1, name="Projects")).to_be_visible(timeout=60_000)
    frame.get_by_label("Search").fill(shown)
    frame.get_by_role("button", name="Apply").click()
    expect(frame.get_by_role("rowheader")).to_have_count(1)
    frame.get_by_role("rowheader").get_by_role("link").click()
    expect(frame.get_by_role("link", name="Run in Airflow")).to_be_visible()
    frame.get_by_role("link", name="Run in Airflow").click()
    page.wait_for_url("**/dags/initialize_project/runs/**")
    site.faults.clear()  # Airflow's own page has no such run to show


def test_airflow_leads_to_the_pages(visit: Visit) -> None:
    site = visit()
    page = site.page
    page.goto(site.url)
    page.get_by_role("button", name="Plugins").click(timeout=60_000)
    page.get_by_role("menuitem", name="Groundwork").click()
    page.get_by_role("menuitem", name="Health").click()
    expect(page.frame_locator("iframe").get_by_role("heading", level=1, name="Health")).to_be_visible()
    site.faults.clear()  # those of Airflow's own pages are not ours to mend
