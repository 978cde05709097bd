"""The documentation as a site: no broken link, found by search, readable on a phone."""

from __future__ import annotations

import functools
import http.server
import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, ViewportSize

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[1]
PATIENCE = 250
"""Seconds after which a build that has not ended is taken for one that hangs."""

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to log."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site's pages, not yet built."""
    folder = tmp_path_factory.mktemp("site")
    made = [sys.executable, str(ROOT / "scripts" / "site_pages.py"), str(folder)]
    subprocess.run(made, check=True, timeout=PATIENCE)  # noqa: S603 - our own program
    return folder


@pytest.fixture(scope="module")
def built(pages: Path) -> Path:
    """The folder of the built site."""
    build = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    done = subprocess.run(  # noqa: S603 - our own pages
        build, cwd=pages, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return pages / "site"


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    """The site's address."""
    handler = functools.partial(Quiet, directory=str(built))
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


EXAMPLES = """
import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from cliniko_async import AsyncCliniko
from cliniko_async.cli.catalogue import resource_names
from cliniko_async.emulator import Clinic, Emulator

since = datetime.now(UTC) - timedelta(days=1)
until = since + timedelta(hours=1)
{functions}

clinic = Clinic.seeded(patients=3, appointments=3)
for id in ("123", "124"):
    for resource in set(resource_names()) - {"available_times", "bookings", "settings"}:
        clinic.create(resource, id=id)
clinic.update("businesses", "123", show_in_online_bookings=True)
clinic.update("practitioners", "123", show_in_online_bookings=True)
clinic.update("appointment_types", "123", show_in_online_bookings=True)
clinic.create("referral_sources", patient_id="123")


async def main():
    transport = Emulator(clinic, limit=100_000).transport()
    async with AsyncCliniko("T-au1", user_agent="Docs (d@example.com)", transport=transport) as c:
        for name, example in sorted(vars(Examples).items()):
            if not name.startswith("_"):
                print(name)
                await example(c)


asyncio.run(main())
"""


def test_the_example_of_each_resource_runs(pages: Path, tmp_path: Path) -> None:
    functions = "class Examples:\n"
    resources = (pages / "docs" / "resources").glob("*.md")
    for page in sorted(page for page in resources if page.stem != "index"):
        code = page.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        functions += f"    async def {page.stem}(cliniko):\n{textwrap.indent(code, ' ' * 8)}\n"
    program = tmp_path / "program.py"
    program.write_text(EXAMPLES.replace("{functions}", functions), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own pages
        [sys.executable, str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_recorded_terminal_is_shown(built: Path) -> None:
    pictures = {file.name for file in (ROOT / "docs" / "terminals").glob("*.svg")}
    assert pictures
    page = (built / "command-line" / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r'<img[^>]* src="\.\./terminals/([^"]+)"', page)
    assert set(shown) == pictures
    assert all((built / "terminals" / name).stat().st_size for name in shown)


PUBLIC = ("", ".apply", ".doctor", ".emulator", ".errors", ".export", ".limits", ".mirror")


@pytest.mark.parametrize("room", [*PUBLIC, ".telemetry", ".types"])
def test_every_public_name_is_in_the_reference(built: Path, room: str) -> None:
    inventory = (built / "objects.inv").read_bytes()
    lines = zlib.decompress(inventory.partition(b"zlib.\n")[2]).decode().splitlines()
    names = {line.split()[0].rpartition(".")[2] for line in lines}
    for page in (built.parent / "docs" / "resources").glob("*.md"):
        sets = page.read_text(encoding="utf-8").partition("## Enumerations\n")[2].partition("##")[0]
        names |= set(re.findall(r"^\| `(\w+)` ", sets, re.MULTILINE))
    assert set(importlib.import_module(f"cliniko_async{room}").__all__) - names == set()


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
