"""The documents, followed word by word from the README's first command on."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml
from conftest import REPOSITORY
from documents import OWN_DATA, Block, blocks, is_elsewhere, sections

from e2e.conftest import Environment, InstalledProject, free_port, wait_for
from e2e.mlflow_store import experiments
from e2e.test_quality import check

STARTER = "git+https://github.com/<owner>/dynamic-iris.git"
SECTIONS = sections(OWN_DATA.read_text())


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
    """Follow blocks one by one; return what their commands print."""
    printed = ""
    for block in steps:
        if block.file:
            write(project.path, block)
        else:
            assert block.language == "bash"
            printed += shell(project, block.text)
    return printed


def section(number: int, **ports: int) -> list[Block]:
    """Return the blocks of a section; `p9000=1234` replaces the port 9000."""
    (text,) = (
        text for title, text in SECTIONS.items() if title.startswith(f"{number}.")
    )
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
def customers(shop: InstalledProject, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Follow docs/own-data.md through its first section; return the project's path."""
    project = shop.copy(tmp_path_factory.mktemp("customers") / "flower-shop")
    follow(project, [*blocks(SECTIONS[""]), *section(1)])
    return str(project.path)


def test_the_readme_of_a_project(shop: InstalledProject, tmp_path: Path) -> None:
    project = shop.copy(tmp_path / "flower-shop")
    for block in readme_blocks(project.path):
        for command in block.commands():
            if not is_elsewhere(command):
                shell(project, command)
    (project.path / "data/07_model_output/new_flowers_predictions.csv").stat()
    # The commands installed what the notebook needs.
    shell(project, "jupyter execute --inplace notebooks/explore.ipynb")
    cells = json.loads((project.path / "notebooks/explore.ipynb").read_text())["cells"]
    results = [
        output["data"]
        for cell in cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "execute_result"
    ]
    # The leaderboard, rows, columns, one row, runs.
    assert len(results) == 5
    assert "nearest_neighbors" in "".join(results[0]["text/html"])


def test_classification(shop: InstalledProject, customers: str) -> None:
    project = replace(shop, path=Path(customers))
    first, *_, last = leaderboard(project)
    assert last["model"] == "baseline"
    gained = float(first["validation_accuracy"]) - float(last["validation_accuracy"])
    assert gained > 0.1
    path = project.path / "data/07_model_output/march_predictions.csv"
    with path.open(newline="") as file:
        predicted = [row["prediction"] for row in csv.DictReader(file)]
    assert len(predicted) == 20
    assert set(predicted) == {"yes", "no"}


def regression(project: InstalledProject, printed: str) -> None:
    rows = leaderboard(project)
    assert {row["model"] for row in rows} == {"ridge", "boosting", "baseline"}
    assert float(rows[0]["validation_r2"]) > 0.8
    assert "RMSE" in printed
    assert "-" not in re.findall(r"^ +ridge .*$", printed, re.MULTILINE)[0]


def metric(project: InstalledProject, printed: str) -> None:
    missed = {row["model"]: float(row["missed"]) for row in leaderboard(project)}
    assert 0 <= missed["decision_tree"] < 80
    assert "missed" in printed


def plot(project: InstalledProject, printed: str) -> None:
    report = (project.path / "data/08_reporting/report.html").read_text()
    for model in ("decision_tree", "linear_svm", "nearest_neighbors"):
        assert f"Confusion of {model}" in report
        assert f"models.{model}_confusion.json" in {
            path.name for path in (project.path / "data/08_reporting").iterdir()
        }


def preprocessing(project: InstalledProject, printed: str) -> None:
    assert {row["model"] for row in leaderboard(project)} == {"best_svm", "baseline"}


def family(project: InstalledProject, printed: str) -> None:
    assert "models.best_svm" in printed
    assert not re.search("benchmark|etl|training|user_app", printed)


def groups_and_time(project: InstalledProject, printed: str) -> None:
    folds = project.path / "data/05_model_input/folds.csv"
    assert folds.read_text().startswith("fold,block\n")  # by time, at last
    assert len(leaderboard(project)) == 4
    assert "WARNING" not in printed


CHANGES: dict[int, Callable[[InstalledProject, str], None]] = {
    2: regression,
    3: metric,
    4: plot,
    5: preprocessing,
    7: family,
    9: groups_and_time,
}


# Sections that do not touch each other share a project, whose checks take a minute.
@pytest.mark.parametrize("numbers", [(9, 2), (3, 4), (5, 7)], ids=str)
def test_changes(
    numbers: tuple[int, ...], shop: InstalledProject, customers: str, tmp_path: Path
) -> None:
    project = replace(shop, path=Path(customers)).copy(tmp_path / "flower-shop")
    for number in numbers:
        CHANGES[number](project, follow(project, section(number)))
    if 3 in numbers:  # the code has changed
        check(project)


def test_recipes(shop: InstalledProject, customers: str, tmp_path: Path) -> None:
    project = replace(shop, path=Path(customers)).copy(tmp_path / "flower-shop")
    models = {"logistic", "with_threshold", "baseline"}
    follow(project, section(10))
    assert {row["model"] for row in leaderboard(project)} == models
    follow(project, section(11))
    assert {row["model"] for row in leaderboard(project)} == {"lightgbm", "baseline"}
    answers = follow(project, section(12))
    assert len(re.findall("'(yes|no)'", answers)) == 20
    follow(project, section(13))
    assert "<html" in (project.path / "earlier/report.html").read_text()
    follow(project, section(14))
    follow(project, section(15))
    columns = (project.path / "data/05_model_input/columns.csv").read_text()
    assert "\nspent_per_visit,number," in columns
    predicted = (
        project.path / "data/07_model_output/march_predictions.csv"
    ).read_text()
    assert len(predicted.splitlines()) == 21


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


def test_a_table_elsewhere(
    shop: InstalledProject, customers: str, tmp_path: Path
) -> None:
    project = replace(shop, path=Path(customers)).copy(tmp_path / "flower-shop")
    before, table = leaderboard(project), project.path / "data/01_raw/customers.csv"
    (tmp_path / "store").mkdir()
    with object_store(tmp_path / "store", table) as port:
        table.unlink()
        follow(project, section(6, p9000=port))
    for row, row_before in zip(leaderboard(project), before, strict=True):
        for key in ("model", "validation_accuracy"):
            assert row[key] == row_before[key]


def test_an_mlflow_server(
    shop: InstalledProject, customers: str, tmp_path: Path
) -> None:
    project = replace(shop, path=Path(customers)).copy(tmp_path / "flower-shop")
    port, log = free_port(), tmp_path / "log"
    start, *steps = section(8, p5000=port)
    command = [shutil.which("bash") or "bash", "-c", f"{start.text}\nwait"]
    with project.background(*command, log=log) as process:
        wait_for(lambda: "OK" in log.read_text(), process, log)
        follow(project, steps)
        assert "flower_shop" in (experiments(f"http://127.0.0.1:{port}") or ())
