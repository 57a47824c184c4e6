"""A real Chromium, logged in to the sandbox's Airflow, and what the tests of the pages share.

The browser is Debian's own package, because it must be there for a machine without Playwright's downloads;
`make test` installs it where it can.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")


def executable() -> str:
    """The browser's path; without one these tests fail, because the pages would go untested."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.fail(
            "Chromium is missing, and the pages are tested in it: install it (Debian: apt-get install"
            " chromium), then run the tests again."
        )
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: while it is there, no other test of the process can have an event loop.
    path = executable()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def token(sandbox: Any) -> Callable[[str], str]:
    """A token of one of the sandbox's accounts: they are named for their roles."""

    def log_in(user: str) -> str:
        password = sandbox.airflow_password_of(user)
        with httpx.Client(base_url=sandbox.airflow_url, timeout=30, trust_env=False) as client:
            answer = client.post("/auth/token", json={"username": user, "password": password})
        return str(answer.raise_for_status().json()["access_token"])

    return log_in


@dataclass
class Site:
    """The pages as one logged-in person sees them, in one window."""

    page: Page
    url: str
    faults: list[str]

    def open(self, path: str) -> Page:
        """Opens a page of Groundwork, as its address goes on after `/groundwork`."""
        answer = self.page.goto(f"{self.url}/groundwork{path}")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        return self.page

    def require_accessible(self) -> None:
        """Fails on what axe calls serious or critical."""
        found = Axe().run(self.page)
        told = [
            f"{item['id']}: {item['help']}: {[node['html'] for node in item['nodes']]}"
            for item in found.response["violations"]
            if item["impact"] in SERIOUS
        ]
        assert told == []


@pytest.fixture
def visit(sandbox: Any, browser: Browser, token: Callable[[str], str]) -> Iterator[Callable[..., Site]]:
    """Opens a window for `user`; a fault of a script, or a refused resource, fails the test."""
    contexts: list[BrowserContext] = []
    sites: list[Site] = []

    def opened(user: str = "admin", *, dark: bool = False, phone: bool = False) -> Site:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            # The test's own tool is put into the page as a script, which the page's policy forbids.
            bypass_csp=False,
        )
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": token(user), "url": sandbox.airflow_url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        site = Site(page, sandbox.airflow_url, [])
        page.on("pageerror", lambda error: site.faults.append(str(error)))
        page.on(
            "console",
            lambda message: site.faults.append(message.text) if message.type == "error" else None,
        )
        sites.append(site)
        return site

    yield opened
    faults = [fault for site in sites for fault in site.faults]
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def slug() -> str:
    """A slug no other test uses."""
    return f"page-{uuid4().hex[:8]}"
