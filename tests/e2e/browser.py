"""Looks at pages in headless Chromium; without it, tests are skipped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Of a static build, Kedro-Viz asks for what only its server has.
EXPECTED = ("metadata fetch error", "404")
# Kedro-Viz would begin a tour over its graph.
NO_TOUR = json.dumps({"showFeatureHints": False})


@contextmanager
def looking(width: int = 1440, scheme: str = "light") -> Iterator[Page]:
    """Open a browser; errors on its console fail the test, but for those expected.

    Fonts and statistics, which pages ask other machines for, are answered with nothing.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page.on(
            "console",
            lambda said: errors.append(said.text) if said.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(str(error)))
        elsewhere = lambda url: not url.startswith(("file:", "http://127.0.0.1"))  # noqa: E731
        page.route(elsewhere, lambda route: route.fulfill(status=200, body=""))
        page.add_init_script(
            f"try{{localStorage.setItem('KedroViz','{NO_TOUR}')}}catch{{}}"
        )
        yield page
        browser.close()
    assert not [error for error in errors if not any(one in error for one in EXPECTED)]
