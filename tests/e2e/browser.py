"""Looks at pages in headless Chromium; without it, tests are skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

# A static build of Kedro-Viz asks for files that only its server has.
EXPECTED = ("metadata fetch error", "404")
# Kedro-Viz would begin a tour over its graph.
NO_TOUR = json.dumps({"showFeatureHints": False})


@contextmanager
def looking(width: int = 1440, scheme: str = "light") -> Iterator[Page]:
    """Open a page; unexpected errors on its console fail the test.

    Requests to other machines, for fonts and statistics, get an empty answer.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        elsewhere = lambda url: not url.startswith(("file:", "http://127.0.0.1"))  # noqa: E731
        page.route(elsewhere, lambda route: route.fulfill(status=200, body=""))
        page.add_init_script(
            f"try{{localStorage.setItem('KedroViz','{NO_TOUR}')}}catch{{}}"
        )
        yield page
        browser.close()
    for expected in EXPECTED:
        errors = [error for error in errors if expected not in error]
    assert errors == []
