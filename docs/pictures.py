"""Takes the pictures in this folder of a project that has run.

Usage: ``python docs/pictures.py PROJECT``, in the environment that the rendered project
is installed in; ``nox -s docs`` does both. Needs Chromium.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).parent
TEMPLATE = DOCS.parent / "{{ cookiecutter.repo_name }}"
DIGEST = DOCS / "pictures.sha256"
# The files that the pictures depend on.
SHOWN = (
    "conf/base/parameters.yml",
    "conf/base/catalog.yml",
    "src/*/pipelines/models/*.py",
    "src/kedro_dynamic/report/*.py",
    "src/kedro_dynamic/report/*.j2",
    "src/kedro_dynamic/runs/console.py",
)
# Of the terminal.
COLUMNS = 96
# Kedro-Viz refuses ports of the ephemeral range.
PORT = 24141
NO_TOUR = json.dumps({"showFeatureHints": False})


def main() -> None:
    """Take pictures of a run, its report and the graph; note the files they show."""
    project = Path(sys.argv[1]).resolve()
    shown = digest(project)
    add_model(project)
    with TemporaryDirectory() as folder:
        page = Path(folder, "terminal.html")
        page.write_text(run(project), "utf-8")
        take(page.as_uri(), DOCS / "terminal.png", width=860, height=0, scale=2)
    report = project / "data/08_reporting/report.html"
    take(report.as_uri(), DOCS / "report.png", width=1240, height=900, scale=2)
    take(report.as_uri(), TEMPLATE / "docs/report.png", width=1240, height=800)
    with serving(project) as url:
        take(url, DOCS / "viz.png", width=1280, height=720)
    DIGEST.write_text(f"{shown}\n")


def add_model(project: Path) -> None:
    """Add the entry of the README to the models of a project."""
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    entry = readme.split("```yaml\n")[1].partition("```")[0]
    with (project / "conf/base/parameters.yml").open("a") as parameters:
        parameters.write(entry)


def run(project: Path) -> str:
    """Run the project, and return what it prints as a page."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    variables = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "DO_NOT_TRACK": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "kedro", "run"],
        cwd=project,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # The log of the nodes comes first; the picture begins with the leaderboard.
    shown = result.stdout[result.stdout.index("Leaderboard") :]
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print("$ kedro run", style="bold")
    console.print(Text.from_ansi(shown))
    page = console.export_html(theme=MONOKAI, inline_styles=True)
    return page.replace("<head>", "<head><style>a { color: inherit }</style>")


def digest(project: Path) -> str:
    """Return a digest of a project's files that the pictures depend on."""
    content = hashlib.sha256()
    for pattern in SHOWN:
        for path in sorted(project.glob(pattern)):
            content.update(path.read_bytes())
    return content.hexdigest()


@contextmanager
def serving(project: Path) -> Iterator[str]:
    """Serve the graph until the block ends; yield its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "kedro", "viz", "run", "--no-browser", f"--port={PORT}"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                    break
            time.sleep(1)
        yield f"http://127.0.0.1:{PORT}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def take(url: str, picture: Path, width: int, height: int, scale: int = 1) -> None:
    """Write a screenshot of the top of a page.

    Args:
        url: Address of the page.
        picture: The file to write.
        width: Of the page, in pixels.
        height: Of the picture; 0 takes the whole page.
        scale: How many pixels of the picture there are to one of the page.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("Pictures need Chromium: install it, so that `chromium` is a command.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking"],
        )
        page = browser.new_page(
            viewport={"width": width, "height": height or 100},
            device_scale_factor=scale,
        )
        # Kedro-Viz would begin a tour over its graph.
        page.add_init_script(
            f"try{{localStorage.setItem('KedroViz','{NO_TOUR}')}}catch{{}}"
        )
        page.goto(url)
        if url.startswith("http"):
            page.get_by_text("Dismiss").click()  # what is new in Kedro-Viz
            page.mouse.move(width - 9, height - 9)
            page.wait_for_timeout(3000)  # the graph moves into place
        page.screenshot(path=picture, full_page=not height)
        browser.close()


if __name__ == "__main__":
    main()
