"""The library outside of the project that it came with."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import LIBRARY

from e2e.conftest import Environment, InstalledProject, build_wheel
from e2e.mlflow_store import store_of, verdict_in
from e2e.test_runs import leaderboard

# What a person adds to a project of `kedro new` that uses the library.
SETTINGS = """
from kedro_dynamic.settings import *

TRUSTED_PACKAGES = ("sklearn",)
"""
REGISTRY = """
from kedro_dynamic import dynamic_pipelines as register_pipelines
"""
PIPELINE = """
import pandas as pd
from kedro.pipeline import Node, Pipeline

from kedro_dynamic import (
    ComparisonSpec,
    DataSpec,
    ModelSpec,
    build_model,
    build_scorers,
    cross_validate_model,
    keep_going,
    read_parameters,
    score_fitted_model,
    select_columns,
    summarize_folds,
)

PARTS = ["X_train", "X_test", "y_train", "y_test", "folds"]


def split(table, data: DataSpec, comparison: ComparisonSpec):
    X, y = select_columns(table.sample(frac=1, random_state=0), data)
    rows = int(len(X) * data.train_fraction)
    folds = pd.DataFrame({"fold": [row % comparison.folds for row in range(rows)]})
    return X[:rows], X[rows:], y[:rows].to_frame(), y[rows:].to_frame(), folds


def cross_validate(
    model: ModelSpec, data: DataSpec, comparison: ComparisonSpec, X, y, seed, folds
):
    return cross_validate_model(model, data, comparison, X, y.iloc[:, 0], folds, seed)


def fit(model: ModelSpec, data: DataSpec, X, y, seed):
    return build_model(model, data, X, y.iloc[:, 0], seed).fit(X, y.iloc[:, 0])


def score(
    fitted_model, validation, data: DataSpec, comparison: ComparisonSpec, X, y
):
    scorers = build_scorers(data, comparison, y.iloc[:, 0], fitted_model)
    scores = score_fitted_model(fitted_model, scorers, X, y.iloc[:, 0])
    return {**summarize_folds(validation), "model_score": scores["accuracy"]}


def rank(**metrics):
    rows = [{"model": name, **values} for name, values in metrics.items()]
    table = pd.DataFrame(rows)
    return table.sort_values("validation_accuracy", ascending=False)


def create_pipelines(parameters):
    names = list(read_parameters(parameters).models)
    data, comparison = "params:data", "params:comparison"
    train = ["X_train", "y_train", "params:random_state"]
    test = [data, comparison, "X_test", "y_test"]
    model = keep_going(
        Pipeline(
            [
                Node(
                    cross_validate,
                    ["params:model", data, comparison, *train, "folds"],
                    "validation",
                ),
                Node(fit, ["params:model", data, *train], "fitted_model"),
                Node(score, ["fitted_model", "validation", *test], "metrics"),
            ]
        )
    )
    models = [
        Pipeline(
            model,
            namespace=f"models.{name}",
            inputs=set(PARTS),
            parameters={
                "params:model": f"params:models.{name}",
                **{key: key for key in (data, comparison, "params:random_state")},
            },
        )
        for name in names
    ]
    results = {name: f"models.{name}.metrics" for name in names}
    nodes = [
        Node(split, ["table", data, comparison], PARTS),
        Node(rank, results, "leaderboard", namespace="models"),
    ]
    return {"__default__": Pipeline([*nodes, *models]), "models": lambda: models[0]}
"""
PARAMETERS = """
data: {target_column: species}
comparison: {scoring: accuracy, folds: 3}
random_state: 1
models:
  tree: {class: sklearn.tree.DecisionTreeClassifier}
  forest: {class: sklearn.ensemble.RandomForestClassifier}
  fails: {class: sklearn.svm.SVC, model_kwargs: {C: -1}}
"""
CATALOG = """
table: {type: pandas.CSVDataset, filepath: iris.csv}
leaderboard:
  type: pandas.CSVDataset
  filepath: data/08_reporting/leaderboard.csv
  save_args: {index: false}
  metadata: {console: Best of Plain}
"""
PATTERN = """
"models.{namespace}.%s":
  type: %sDataset
  filepath: data/06_models/{namespace}_%s
"""
DATASETS = {"validation": "json.JSON", "metrics": "json.JSON"}
DATASETS |= {"fitted_model": "pickle.Pickle"}


@pytest.fixture(scope="module")
def wheel(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this repository."""
    return build_wheel(starter, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def with_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment where the wheel is installed, and no project is."""
    environment = Environment.create(tmp_path_factory.mktemp("library") / "venv")
    environment.install(f"{wheel}[library]", "pytest~=9.2")
    return environment


@pytest.fixture
def plain(
    with_wheel: Environment, installed: InstalledProject, tmp_path: Path
) -> InstalledProject:
    """Return a project of plain `kedro new` that uses the installed library."""
    command = [sys.executable, "-m", "kedro", "new", "--name=Plain"]
    command += ["--tools=none", "--example=n"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    project = InstalledProject(tmp_path / "plain", "plain", with_wheel)

    source, conf = project.path / "src/plain", project.path / "conf/base"
    for name, text in [("settings", SETTINGS), ("pipeline_registry", REGISTRY)]:
        with (source / f"{name}.py").open("a") as module:
            module.write(text)
    (source / "pipelines").mkdir(exist_ok=True)
    (source / "pipelines/__init__.py").touch()
    (source / "pipelines/flowers.py").write_text(PIPELINE)

    (conf / "parameters.yml").write_text(PARAMETERS)
    patterns = [PATTERN % (name, kind, name) for name, kind in DATASETS.items()]
    parts = [
        f"{part}: {{type: pandas.CSVDataset, filepath: data/05_model_input/{part}.csv, "
        "save_args: {index: false}}\n"
        for part in ("X_train", "X_test", "y_train", "y_test", "folds")
    ]
    (conf / "catalog.yml").write_text("".join([CATALOG, *parts, *patterns]))
    shutil.copy(installed.path / "data/01_raw/iris.csv", project.path)
    return project


def test_the_library_in_a_plain_project(plain: InstalledProject) -> None:
    # Its pipelines follow the parameters.
    shown = plain.run("kedro", "registry", "describe", "__default__").stdout
    fits = set(re.findall(r"models\.(\w+)\.fit", shown))
    assert fits == {"tree", "forest", "fails"}

    tree_is_off = "--params=models.tree.enabled=false"
    done = plain.run("kedro", "run", tree_is_off, check=False)
    assert "Best of Plain" in done.stdout
    assert "1 of 2 models failed:\n  models.fails: " in done.stdout
    assert [row["model"] for row in leaderboard(plain)] == ["forest", "fails"]

    _, children = store_of(plain).family()
    statuses = {name: run.status for name, run in children.items()}
    assert statuses == {"forest": "FINISHED", "fails": "FAILED"}
    assert children["forest"].metrics["validation_accuracy"] > 0.8
    assert verdict_in(done.stdout).startswith("forest")
    assert store_of(plain).champion("plain") == 1
    assert (plain.path / "data/08_reporting/report_failed.html").is_file()


SCORES = ("model", "validation_accuracy", "model_score")


def scores(project: InstalledProject) -> list[list[str]]:
    """Return the models of the leaderboard with their scores."""
    return [[row[column] for column in SCORES] for row in leaderboard(project)]


def predictions(project: InstalledProject) -> str:
    """Return what the champion predicts for new rows."""
    project.run("kedro", "run", "--pipelines", "predict")
    return (
        project.path / "data/07_model_output/new_flowers_predictions.csv"
    ).read_text()


def test_a_project_without_the_folder_uses_the_wheel(
    project: InstalledProject, with_wheel: Environment, tmp_path: Path
) -> None:
    without = InstalledProject(tmp_path / "without", project.package, with_wheel)
    shutil.copytree(project.path, without.path)
    shutil.rmtree(without.path / "src" / LIBRARY)

    imported = without.run("python", "-c", f"import {LIBRARY}; print({LIBRARY})")
    assert "site-packages" in imported.stdout
    listed = ("kedro", "registry", "list")
    assert without.run(*listed).stdout == project.run(*listed).stdout
    assert " passed" in without.run("pytest", "-q").stdout

    for side in (project, without):
        assert verdict_in(side.run("kedro", "run").stdout)
    assert scores(without) == scores(project)
    assert predictions(without) == predictions(project)


def test_the_folder_can_be_replaced(project: InstalledProject, wheel: Path) -> None:
    """A person updates a project by replacing the folder of the library."""
    folder = project.path / "src" / LIBRARY
    shutil.rmtree(folder)
    with ZipFile(wheel) as files:
        names = [name for name in files.namelist() if name.startswith(f"{LIBRARY}/")]
        files.extractall(folder.parent, names)
    with (folder / "__init__.py").open("a") as module:
        module.write('\nprint("the newer library")\n')

    printed = project.run("kedro", "run").stdout
    assert "the newer library" in printed
    assert verdict_in(printed)
    assert len(leaderboard(project)) == 4
    assert predictions(project)
