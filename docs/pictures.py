"""Takes the pictures in this folder, of a project that has run.

Usage: ``python docs/pictures.py PROJECT``, in the environment that the rendered project
is installed in; ``nox -s docs`` does both. Needs Chromium.
"""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import plotly.io
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent
# Kedro-Viz refuses ports of the ephemeral range.
VIZ_PORT, MLFLOW_PORT = 24141, 25000
NO_TOUR = json.dumps({"showFeatureHints": False})


def main() -> None:
    """Take a picture of a plot, and start both user interfaces for one of each."""
    project = Path(sys.argv[1]).resolve()
    reports = project / "data/08_reporting/benchmark/digits"
    plot = reports / "learning_curves_plot.html"
    plotly.io.read_json(reports / "learning_curves_plot.json").write_html(plot)
    take(plot.as_uri(), DOCS / "benchmark.png", height=700)
    viz = ["viz", "run", "--no-browser", f"--port={VIZ_PORT}"]
    with serving(project, viz, VIZ_PORT) as url:
        take(f"{url}/?expandAllPipelines=true", DOCS / "viz.png")
    mlflow = ["mlflow", "ui", f"--port={MLFLOW_PORT}"]
    with serving(project, mlflow, MLFLOW_PORT) as url:
        runs = quote(json.dumps(child_runs(project)))
        page = f"#/compare-runs?runs={runs}&experiments=%5B%221%22%5D"
        take(f"{url}/{page}", DOCS / "mlflow.png")


@contextmanager
def serving(project: Path, command: list[str], port: int) -> Iterator[str]:
    """Run a kedro command that serves, for as long as the context lasts."""
    server = subprocess.Popen(
        [sys.executable, "-m", "kedro", *command],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def child_runs(project: Path) -> list[str]:
    """Return the ids of the runs of all models, without those of the benchmark."""
    query = (
        "select run_uuid from tags where key = 'namespace' and value like 'models.%'"
    )
    with sqlite3.connect(project / "mlflow.db") as store:
        return [run for (run,) in store.execute(query)]


def take(url: str, picture: Path, height: int = 900) -> None:
    """Write a screenshot of a page, as high as that many pixels."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("Pictures need Chromium: install it, so that `chromium` is a command.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1500, "height": height})
        # Kedro-Viz would begin a tour over its graph.
        page.add_init_script(f"localStorage.setItem('KedroViz', '{NO_TOUR}')")
        page.goto(url)
        page.wait_for_timeout(8000)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
