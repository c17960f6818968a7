"""The documents, followed word by word from the README's first command on."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml
from conftest import REPOSITORY
from documents import OWN_DATA, Block, blocks, entries, is_elsewhere, sections

from e2e.conftest import Environment, InstalledProject, free_port, wait_for
from e2e.mlflow_store import experiments
from e2e.test_quality import check

# The checkout that the README renders.
STARTER = "./dynamic-iris"


def shell(project: InstalledProject, script: str) -> str:
    """Run a script in the project's folder and return all that it prints."""
    bash = shutil.which("bash") or "bash"
    return project.run(bash, "-euo", "pipefail", "-c", script).stdout


def write(folder: Path, block: Block) -> None:
    """Write a block into the file that it names, as docs/own-data.md says."""
    path = folder / str(block.file)
    old = path.read_text() if path.exists() else ""
    if block.language == "yaml":
        content = {**(yaml.safe_load(old) or {}), **yaml.safe_load(block.text)}
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    elif block.language == "diff":
        lines, at = old.splitlines(), 0
        for line in block.lines:
            if line.startswith("+"):
                lines.insert(at, line[1:])
            else:
                assert lines.count(line[1:]) == 1, line
                at = lines.index(line[1:])
            at += 1
        path.write_text("\n".join([*lines, ""]))
    else:
        assert not old, path
        path.write_text(block.text)


def follow(project: InstalledProject, steps: list[Block]) -> str:
    """Follow blocks one by one; return what their commands print.

    A command that comes again at the end of a later section is run there alone: so
    sections that do not touch each other share a run.
    """
    printed = ""
    for number, block in enumerate(steps):
        if block.file:
            write(project.path, block)
        elif block not in steps[number + 1 :]:
            assert block.language == "bash"
            printed += shell(project, block.text)
    return printed


def section(project: InstalledProject, title: str, **ports: int) -> list[Block]:
    """Return the blocks of a section; `p9000=1234` replaces the port 9000."""
    recipes = sections((project.path / OWN_DATA).read_text())
    (text,) = (text for key, text in recipes.items() if key.endswith(title))
    for name, port in ports.items():
        assert name[1:] in text
        text = text.replace(name[1:], str(port))
    return blocks(text)


def leaderboard(project: InstalledProject) -> list[dict[str, str]]:
    """Return the rows of the leaderboard, best first."""
    path = project.path / "data/08_reporting/leaderboard.csv"
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def readme_blocks(folder: Path) -> list[Block]:
    """Return the blocks of a folder's README."""
    return blocks((folder / "README.md").read_text())


@pytest.fixture(scope="module")
def shop(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledProject:
    """Follow the README's first steps in a new environment; return the project."""
    folder = tmp_path_factory.mktemp("documents")
    environment = Environment.create(folder / "venv")
    if uv := shutil.which("uv"):
        # The same command, but it downloads nothing twice.
        pip = environment.bin / "pip"
        pip.write_text(f'#!/bin/sh\nexec "{uv}" pip "$@"\n')
        pip.chmod(0o755)
    parent = InstalledProject(
        folder, "flower_shop", environment, {"VIRTUAL_ENV": str(environment.path)}
    )
    (steps,) = (
        block.text for block in readme_blocks(REPOSITORY) if "kedro new" in block.text
    )
    assert STARTER in steps
    *_, path = shell(parent, steps.replace(STARTER, str(starter)) + "pwd").split()
    return replace(parent, path=Path(path))


@pytest.fixture(scope="module")
def customers(
    shop: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> InstalledProject:
    """Follow docs/own-data.md through its first section; return the project."""
    project = shop.copy(tmp_path_factory.mktemp("customers") / "flower-shop")
    introduction = sections((project.path / OWN_DATA).read_text())[""]
    follow(project, [*blocks(introduction), *section(project, "missing values")])
    return project


@pytest.fixture
def project(customers: InstalledProject, tmp_path: Path) -> InstalledProject:
    """Return a copy of the project that predicts whether customers leave."""
    return customers.copy(tmp_path / "flower-shop")


def test_the_readme_of_a_project(shop: InstalledProject, tmp_path: Path) -> None:
    project = shop.copy(tmp_path / "flower-shop")
    for block in readme_blocks(project.path):
        for command in block.commands():
            if not is_elsewhere(command):
                shell(project, command)
    (project.path / "data/07_model_output/new_flowers_predictions.csv").stat()
    # The commands installed what the notebook needs.
    shell(project, "jupyter notebook --version")
    shell(project, "jupyter execute --inplace notebooks/explore.ipynb")
    cells = json.loads((project.path / "notebooks/explore.ipynb").read_text())["cells"]
    results = [
        output["data"]
        for cell in cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "execute_result"
    ]
    # The leaderboard and its plot, rows, columns, one row, runs.
    assert len(results) == 6
    assert "nearest_neighbors" in "".join(results[0]["text/html"])

    with (project.path / "conf/base/parameters.yml").open("a") as file:
        file.writelines(entries((project.path / "README.md").read_text()))
    shell(project, "kedro run")
    pasted = {"neural_net", "svm_of_components", "rbf_svm"}
    assert {row["model"] for row in leaderboard(project)} > pasted


def test_classification(customers: InstalledProject) -> None:
    first, *_, last = leaderboard(customers)
    assert last["model"] == "baseline"
    gained = float(first["validation_accuracy"]) - float(last["validation_accuracy"])
    assert gained > 0.1
    path = customers.path / "data/07_model_output/march_predictions.csv"
    with path.open(newline="") as file:
        predicted = [row["prediction"] for row in csv.DictReader(file)]
    assert len(predicted) == 20
    assert set(predicted) == {"yes", "no"}


def test_groups_time_and_regression(project: InstalledProject) -> None:
    printed = follow(project, section(project, "Groups and time"))
    folds = project.path / "data/05_model_input/folds.csv"
    assert folds.read_text().startswith("fold,block\n")  # by time, at last
    assert len(leaderboard(project)) == 4
    assert "WARNING" not in printed

    printed = follow(project, section(project, "Regression"))
    rows = leaderboard(project)
    assert {row["model"] for row in rows} == {"ridge", "boosting", "baseline"}
    assert float(rows[0]["validation_r2"]) > 0.8
    assert "RMSE" in printed
    assert "-" not in re.findall(r"^ +ridge .*$", printed, re.MULTILINE)[0]


def test_a_metric_and_a_plot(project: InstalledProject, tmp_path: Path) -> None:
    metric = section(project, "A metric of your own")
    printed = follow(project, [*metric, *section(project, "Plots for every model")])
    missed = {row["model"]: float(row["missed"]) for row in leaderboard(project)}
    assert 0 <= missed["decision_tree"] < 80
    assert "missed" in printed

    reporting = project.path / "data/08_reporting"
    report = (reporting / "report.html").read_text()
    for model in ("decision_tree", "linear_svm", "nearest_neighbors"):
        assert f"Plot of {model}" in report
        assert (reporting / f"models.{model}_plot.png").exists()
    check(project, tmp_path / "mypy")


def test_columns_and_families(project: InstalledProject) -> None:
    follow(project, section(project, "preprocessing in YAML"))
    assert {row["model"] for row in leaderboard(project)} == {"best_svm", "baseline"}
    printed = follow(project, section(project, "Remove a family"))
    assert "models.best_svm" in printed
    assert not re.search("benchmark|etl|training|user_app", printed)


def test_champion_earlier_runs_formats_and_derived_columns(
    project: InstalledProject,
) -> None:
    champion = section(project, "The champion in plain Python")
    answers = follow(project, champion)
    assert len(re.findall("'(yes|no)'", answers)) == 20
    assert "extra inputs" not in answers  # the column id

    follow(project, section(project, "Earlier runs"))
    assert "<html" in (project.path / "earlier/report.html").read_text()

    formats = section(project, "Excel and Parquet")
    follow(project, [*formats, *section(project, "A derived column")])
    columns = (project.path / "data/05_model_input/columns.csv").read_text()
    assert "\nspent_per_visit,number," in columns
    path = project.path / "data/07_model_output/march_predictions.csv"
    assert len(path.read_text().splitlines()) == 21


@contextmanager
def object_store(folder: Path, table: Path) -> Iterator[int]:
    """Serve a table as S3 does, on this machine; yield the port."""
    environment = Environment.create(folder / "venv")
    environment.install("moto[server]~=5.2")
    server = InstalledProject(folder, "", environment)
    port, log = free_port(), folder / "log"
    command = ["moto_server", "--host=127.0.0.1", f"--port={port}"]

    def put(path: str, data: bytes) -> bool:
        sign = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request"
        headers = {"Authorization": sign, "Content-Type": "text/csv"}
        request = Request(
            f"http://127.0.0.1:{port}/{path}", data, headers, method="PUT"
        )
        try:
            return bool(urlopen(request, timeout=60))
        except OSError:
            return False

    with server.background(*command, log=log) as process:
        wait_for(lambda: put("shop", b""), process, log)
        assert put("shop/customers.csv", table.read_bytes())
        yield port


def test_a_table_elsewhere_and_a_rare_class(
    project: InstalledProject, tmp_path: Path
) -> None:
    table = project.path / "data/01_raw/customers.csv"
    target = project.path / "data/05_model_input/y_train.parquet"
    before = target.read_bytes()
    (tmp_path / "store").mkdir()
    with object_store(tmp_path / "store", table) as port:
        table.unlink()
        storage = section(project, "A table in remote storage", p9000=port)
        follow(project, [*storage, *section(project, "A rare class")])
    assert target.read_bytes() == before
    models = {"logistic", "with_threshold", "baseline"}
    assert {row["model"] for row in leaderboard(project)} == models


def test_an_mlflow_server_lightgbm_and_xgboost(
    project: InstalledProject, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "log"
    start, *steps = section(project, "An MLflow server", p5000=port)
    command = [shutil.which("bash") or "bash", "-c", f"{start.text}\nwait"]
    with project.background(*command, log=log) as process:
        wait_for(lambda: "OK" in log.read_text(), process, log)
        follow(project, [*steps, *section(project, "lightgbm and xgboost")])
        assert "flower_shop" in (experiments(f"http://127.0.0.1:{port}") or ())
    models = {"lightgbm", "xgboost", "baseline"}
    assert {row["model"] for row in leaderboard(project)} == models
