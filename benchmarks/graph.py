"""How long Kedro-Viz takes to show a large study."""

import json
import shutil
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from measure import (
    HOST,
    Measured,
    Table,
    free_port,
    in_turn,
    middle,
    started,
    wait_for,
)
from projects import copy, edit, set_models, trees

# Kedro-Viz would begin a tour over its graph.
NO_TOUR = json.dumps({"showFeatureHints": False})


def viz(
    table: Table, project: Path, folder: Path, datasets: int = 20, models: int = 50
) -> None:
    """Measure Kedro-Viz with many data sets and models, against 4 by 3."""
    many = copy(project, folder / "many", families=True)
    few = copy(project, folder / "few", families=True)
    set_models(many, trees(models))
    data = {f"data_{i:02}": {"target_column": "species"} for i in range(datasets)}
    edit(many, "parameters_benchmark.yml", below="benchmark", datasets=data)
    drawn: dict[Path, list[Measured]] = {many: [], few: []}
    with ExitStack() as stack:
        page = open_page(stack)

        def answer(side: Path) -> Measured:
            port = free_port()
            command = ["-m", "kedro", "viz", "run", "--no-browser", f"--port={port}"]
            with started(side, *command) as server:
                seconds = wait_for(server, port, "/api/main")
                if page:
                    drawing = draw(page, f"http://{HOST}:{port}/?pid=benchmark")
                    server.look()
                    drawn[side].append(Measured(drawing, server.mib))
            return Measured(seconds, server.mib)

        answered = in_turn(partial(answer, many), partial(answer, few))
    title = f"`kedro viz run`, {datasets} data sets by {models} models"
    table.row(f"{title}: the server answers", answered[0], "4 by 3", answered[1])
    if page:
        large, small = (middle(drawn[side]) for side in (many, few))
        table.row(f"{title}: then the page is drawn", large, "4 by 3", small)
    else:
        table.note("The page of Kedro-Viz was not drawn, since Chromium is missing.")


def open_page(stack: ExitStack) -> Any:
    """Open a page in headless Chromium, until the stack ends; None without one."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        return None
    from playwright.sync_api import sync_playwright

    playwright = stack.enter_context(sync_playwright())
    options = ["--no-sandbox", "--disable-background-networking"]
    browser = playwright.chromium.launch(executable_path=chromium, args=options)
    stack.callback(browser.close)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    # Fonts and statistics would come from other machines.
    elsewhere = lambda url: not url.startswith(f"http://{HOST}")  # noqa: E731
    page.route(elsewhere, lambda route: route.fulfill(status=200, body=""))
    page.add_init_script(f"localStorage.setItem('KedroViz','{NO_TOUR}')")
    return page


def draw(page: Any, url: str) -> float:
    """Return the seconds until the first box of the graph is drawn."""
    start = time.perf_counter()
    page.goto(url)
    page.locator(".pipeline-node").first.wait_for(timeout=600_000)
    return time.perf_counter() - start
