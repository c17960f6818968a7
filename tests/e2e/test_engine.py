"""The engine in a project of somebody else's, and the engine of another commit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from conftest import REPOSITORY, git

from e2e.conftest import InstalledProject
from e2e.mlflow_store import store_of, verdict_in
from e2e.test_runs import leaderboard

ENGINE = (
    "{{ cookiecutter.repo_name }}/src/{{ cookiecutter.python_package }}/engine"  # as is
)

# What a person writes who takes the engine into a project of `kedro new`.
SETTINGS = """
from .engine.settings import *
"""
REGISTRY = """
from .engine import dynamic_pipelines as register_pipelines
"""
PIPELINE = """
import pandas as pd
from kedro.pipeline import Node, Pipeline

from kedro_dynamic import ComparisonSpec
from kedro_dynamic import DataSpec
from kedro_dynamic import ModelSpec
from kedro_dynamic import build_model
from kedro_dynamic import cross_validate_model
from kedro_dynamic import keep_going
from kedro_dynamic import read_parameters
from kedro_dynamic import score_fitted_model
from kedro_dynamic import select_columns
from kedro_dynamic import summarize_folds

PARTS = ["X_train", "X_test", "y_train", "y_test"]


def split(table, data: DataSpec):
    X, y = select_columns(table.sample(frac=1, random_state=0), data)
    rows = int(len(X) * data.train_fraction)
    return X[:rows], X[rows:], y[:rows].to_frame(), y[rows:].to_frame()


def cross_validate(
    model: ModelSpec, data: DataSpec, comparison: ComparisonSpec, X, y, seed
):
    return cross_validate_model(model, data, comparison, X, y.iloc[:, 0], seed)


def fit(model: ModelSpec, data: DataSpec, X, y, seed):
    return build_model(model, data, X, y.iloc[:, 0], seed).fit(X, y.iloc[:, 0])


def score(fitted_model, validation, comparison: ComparisonSpec, X, y):
    scores = score_fitted_model(fitted_model, comparison, X, y.iloc[:, 0])
    return {**summarize_folds(validation), "model_score": scores["accuracy"]}


def rank(**metrics):
    table = pd.DataFrame([{"model": name, **one} for name, one in metrics.items()])
    return table.sort_values("validation_accuracy", ascending=False)


def create_pipelines(parameters):
    names = list(read_parameters(parameters).models)
    data, comparison = "params:data", "params:comparison"
    train = ["X_train", "y_train", "params:random_state"]
    test = [comparison, "X_test", "y_test"]
    model = keep_going(
        Pipeline(
            [
                Node(
                    cross_validate,
                    ["params:model", data, comparison, *train],
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
    both = [
        Node(split, ["table", data], PARTS),
        Node(rank, results, "leaderboard", namespace="models"),
    ]
    return {"__default__": Pipeline([*both, *models]), "models": lambda: models[0]}
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


@pytest.fixture
def plain(installed: InstalledProject, tmp_path: Path) -> InstalledProject:
    """Return a project of `kedro new`, without this starter, that took the engine."""
    command = [sys.executable, "-m", "kedro", "new", "--name=Plain"]
    command += ["--tools=none", "--example=n"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    project = InstalledProject(tmp_path / "plain", "plain", installed.environment)
    source, conf = project.path / "src/plain", project.path / "conf/base"
    shutil.copytree(REPOSITORY / ENGINE, source / "engine")
    for name, text in [("settings", SETTINGS), ("pipeline_registry", REGISTRY)]:
        with (source / f"{name}.py").open("a") as module:
            module.write(text)
    with (source / "settings.py").open("a") as settings:
        settings.write('TRUSTED_PACKAGES = ("sklearn",)\n')
    (source / "pipelines").mkdir(exist_ok=True)
    (source / "pipelines/__init__.py").touch()
    (source / "pipelines/flowers.py").write_text(PIPELINE)
    (conf / "parameters.yml").write_text(PARAMETERS)
    patterns = [PATTERN % (name, kind, name) for name, kind in DATASETS.items()]
    parts = [
        f"{part}: {{type: pandas.CSVDataset, filepath: data/05_model_input/{part}.csv, "
        "save_args: {index: false}}\n"
        for part in ("X_train", "X_test", "y_train", "y_test")
    ]
    (conf / "catalog.yml").write_text("".join([CATALOG, *parts, *patterns]))
    shutil.copy(installed.path / "data/01_raw/iris.csv", project.path)
    return project


def test_the_engine_in_a_plain_project(plain: InstalledProject) -> None:
    # Its pipelines follow the parameters.
    off = "models.tree.enabled=false"
    shown = plain.run("kedro", "registry", "describe", "__default__").stdout
    assert {f"models.{name}.fit" for name in ("tree", "forest", "fails")} <= set(
        re.findall(r"models\.\w+\.fit", shown)
    )
    done = plain.run("kedro", "run", f"--params={off}", check=False)
    assert "Best of Plain" in done.stdout
    assert "1 of 2 models failed:\n  models.fails: " in done.stdout
    assert [row["model"] for row in leaderboard(plain)] == ["forest", "fails"]
    _, children = store_of(plain).family()
    statuses = {name: run.status for name, run in children.items()}
    assert statuses == {"forest": "FINISHED", "fails": "FAILED"}
    assert children["forest"].metrics["validation_accuracy"] > 0.8
    assert verdict_in(done.stdout).startswith("forest")
    assert store_of(plain).champion("plain") == 1


def replace_engine(project: InstalledProject, folder: Path) -> None:
    """Put another engine in place of the project's, as a person updates it."""
    engine = project.path / f"src/{project.package}/engine"
    shutil.rmtree(engine)
    shutil.copytree(folder, engine)


@pytest.mark.parametrize("of", ["working tree", "another commit"])
def test_the_engine_can_be_replaced(
    project: InstalledProject, tmp_path: Path, of: str
) -> None:
    other = tmp_path / "engine"
    if of == "another commit":
        commits = git(REPOSITORY, "log", "--format=%H", "-2", "--", ENGINE).split()
        if not git(REPOSITORY, "status", "--porcelain", "--", ENGINE):
            del commits[:1]  # the engine of today
        if not commits:
            pytest.skip("the history at hand has no commit with another engine")
        archive = tmp_path / "engine.tar"
        tree = f"{commits[0]}:{ENGINE}"
        git(REPOSITORY, "archive", f"--output={archive}", tree)
        with tarfile.open(archive) as files:
            files.extractall(other, filter="data")
    else:
        shutil.copytree(REPOSITORY / ENGINE, other)
    marked = other / "__init__.py"
    marked.write_text(f'{marked.read_text()}\nprint("the other engine")\n')

    replace_engine(project, other)
    said = project.run("kedro", "run").stdout
    assert "the other engine" in said
    assert verdict_in(said)
    assert len(leaderboard(project)) == 4
    assert project.run("kedro", "run", "--pipelines", "predict")
