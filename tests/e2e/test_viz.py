"""The graph in Kedro-Viz as a person sees it, live and as a static site."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from e2e.browser import looking
from e2e.conftest import InstalledProject, free_port, wait_for

LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models"]
LAYERS += ["model_output", "reporting"]
BUILD = ["kedro", "viz", "build", "--include-previews"]


@contextmanager
def served(
    project: InstalledProject, kind: str, folder: Path, port: int
) -> Iterator[str]:
    """Serve the graph until the block ends; yield its address."""
    command = ["python", "-m", "http.server", "--bind=127.0.0.1", "--directory=build"]
    command += [str(port)]
    if kind == "live":
        command = ["kedro", "viz", "run", "--no-browser", f"--port={port}"]
    url, log = f"http://127.0.0.1:{port}", folder / "log"

    def answers() -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{url}/api/main", timeout=30):
            return True
        return False

    with project.background(*command, log=log) as process:
        wait_for(answers, process, log)
        yield url


@pytest.fixture(scope="module")
def project(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> InstalledProject:
    """Return a project that has run, with its static site."""
    project = installed.copy(tmp_path_factory.mktemp("viz") / "iris")
    project.run("kedro", "run")
    assert "WARNING" not in project.run(*BUILD).stdout
    return project


@pytest.mark.parametrize("kind", ["live", "static"])
def test_a_person_finds_models_and_scores(
    project: InstalledProject, kind: str, tmp_path: Path
) -> None:
    with served(project, kind, tmp_path, free_port()) as url, looking() as page:
        page.goto(url)
        nodes = page.locator(".pipeline-node")
        nodes.first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)  # the graph moves into place
        assert nodes.count() == 14
        heights = nodes.locator("text").evaluate_all(
            "texts => texts.map(text => text.getBoundingClientRect().height)"
        )
        assert min(heights) >= 9
        layers = page.locator(".pipeline-layer-name").all_text_contents()
        assert layers == ["raw", "model_input", "reporting"]

        page.locator(".pipeline-node[data-id='models']").click()
        page.locator(".pipeline-node[data-id='models.linear_svm']").click()
        fit = nodes.filter(has_text="fit_model")
        fit.wait_for()
        fit.click()
        panel = page.locator(".pipeline-metadata")
        panel.get_by_text("Show Code").click()
        page.get_by_text("def fit_model").wait_for()
        panel.get_by_text("Show Code").click()

        page.locator("button[title=leaderboard]").click()
        panel.get_by_text("nearest_neighbors").wait_for()
        panel.get_by_text("0.966667").first.wait_for()
        page.locator("button[title=leaderboard_plot]").click()
        panel.locator("img[src^='data:image/png']").first.wait_for()


def test_layers_are_in_order_and_nodes_have_tags(project: InstalledProject) -> None:
    pipelines = list((project.path / "build/api/pipelines").iterdir())
    assert pipelines
    for file in pipelines:
        shown = json.loads(file.read_text())
        used = {node.get("layer") for node in shown["nodes"]}
        layers = [layer for layer in shown["layers"] if layer in used]
        assert layers == [layer for layer in LAYERS if layer in used], file.name
        names = {node["id"]: node["name"] for node in shown["nodes"]}
        # Of a data set, only what the comparison reads is drawn outside its box.
        for box, content in shown["modular_pipelines"].items():
            if file.name == "benchmark" and box.count(".") == 1:
                outputs = [names[output] for output in content["outputs"]]
                assert outputs == [f"{box}.leaderboard"]
        tasks = [node for node in shown["nodes"] if node["type"] == "task"]
        assert all(node["tags"] for node in tasks), file.name
        for node in tasks:
            code = json.loads((file.parents[1] / "nodes" / node["id"]).read_text())
            assert "FailureCatcher" not in code["code"], node["name"]


def test_many_models_are_one_box(installed: InstalledProject, tmp_path: Path) -> None:
    project = installed.copy(tmp_path / "iris")
    file = project.path / "conf/base/parameters.yml"
    tree = "{class: sklearn.tree.DecisionTreeClassifier}"
    names = "".join(f"  tree_{number}: {tree}\n" for number in range(300))
    text = file.read_text()
    before = text.partition("\nmodels:\n")[0]
    file.write_text(f"{before}\nmodels:\n{names}")
    # The benchmark would run all models, too.
    (project.path / "conf/base/parameters_benchmark.yml").unlink()
    with served(project, "live", tmp_path, free_port()) as url, looking() as page:
        page.goto(url)
        page.locator(".pipeline-node").first.wait_for(timeout=60_000)
        assert page.locator(".pipeline-node").count() == 14
