"""The documentation as a site: no broken link, found by search, readable on a phone."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, ViewportSize

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PATIENCE = 110
"""Seconds after which a build that has not ended is taken for one that hangs."""

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to log."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site's address."""
    folder = tmp_path_factory.mktemp("site")
    made = [sys.executable, str(ROOT / "scripts" / "site_pages.py"), str(folder)]
    subprocess.run(made, check=True, timeout=PATIENCE)  # noqa: S603 - our own program
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    built = subprocess.run(  # noqa: S603 - likewise
        build, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    handler = functools.partial(Quiet, directory=str(folder / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a real browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        assert not os.environ.get("CI"), "CI has a browser: install Debian's package chromium"
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of no use without it

    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=quiet)
        yield browser.new_page()
        browser.close()


def test_search_finds_the_page_of_a_field(site: str, page: Page) -> None:
    page.set_viewport_size(DESK)
    page.goto(site)
    page.keyboard.press("/")
    page.keyboard.type("did_not_arrive", delay=20)
    found = page.locator("a:visible[href*='resources/attendees/']")
    found.first.wait_for(timeout=30_000)
    found.first.click()
    page.wait_for_url("**/resources/attendees/**")
    assert "did_not_arrive" in page.locator("main").inner_text()


@pytest.mark.parametrize("path", ["", "start/", "resources/patients/", "reference/commands/"])
def test_a_page_is_readable_on_a_phone(site: str, page: Page, path: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site}/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    heading = page.locator("h1").first
    assert heading.is_visible()
    size = heading.evaluate("h => parseFloat(getComputedStyle(h).fontSize)")
    assert size >= 20


def test_nothing_is_fetched_from_elsewhere(site: str, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/resources/patients/")
    page.wait_for_load_state("networkidle")
    assert asked
    assert [url for url in asked if not url.startswith((site, "data:", "blob:"))] == []
