"""The outputs of a run, in whichever way it is run."""

from __future__ import annotations

import csv
import json
import re
import sqlite3

import pytest

from e2e.conftest import InstalledProject

MODELS = ("nearest_neighbors", "linear_svm", "decision_tree")
SPLIT = (
    "X_train.parquet",
    "X_test.parquet",
    "y_train.parquet",
    "y_test.parquet",
    "folds.csv",
    "columns.csv",
    "advice.csv",
)
FILES_OF_MODEL = (
    "06_models/{}_model.pkl",
    "06_models/{}_model_score.json",
    "08_reporting/{}_validation.json",
    "08_reporting/{}_metrics.json",
    "08_reporting/{}_resamples.json",
)
NODES = ("validate_model", "fit_model", "score_model")

# The same as the project's pipelines, in scikit-learn alone.
SCIKIT_LEARN = """
import json
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

data = pd.read_csv("data/01_raw/iris.csv")
X, y = data.drop(columns="species"), data["species"]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=0.8, random_state=3, stratify=y
)
models = {
    "nearest_neighbors": KNeighborsClassifier(n_neighbors=3),
    "linear_svm": SVC(kernel="linear", C=0.025, random_state=3),
    "decision_tree": DecisionTreeClassifier(max_depth=3, random_state=3),
    "baseline": DummyClassifier(random_state=3),
}
scaled = {name: make_pipeline(StandardScaler(), models[name]) for name in models}
folds = StratifiedKFold(5, shuffle=True, random_state=3)
scores = {
    name: (
        cross_val_score(model, X_train, y_train, cv=folds).mean(),
        model.fit(X_train, y_train).score(X_test, y_test),
    )
    for name, model in scaled.items()
}
print("SCORES", json.dumps(scores))
"""


def completed_nodes(output: str) -> list[str]:
    """Return the names of the nodes that a run has completed, in order."""
    return re.findall(r"Done: (\S+)", output)


def nodes_of(*models: str) -> set[str]:
    """Return the names of the nodes of some models."""
    return {f"models.{m}.{node}" for m in models for node in NODES}


def scores(project: InstalledProject) -> dict[str, float]:
    """Return the test scores on disk by model."""
    files = (project.path / "data/06_models").glob("*_model_score.json")
    return {
        file.name.removesuffix("_model_score.json"): json.loads(file.read_text())
        for file in files
    }


def leaderboard(project: InstalledProject) -> list[dict[str, str]]:
    """Return the rows of the leaderboard on disk."""
    path = project.path / "data/08_reporting/leaderboard.csv"
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def written(project: InstalledProject) -> set[str]:
    """Return the files below ``data/`` that runs made, without hidden ones."""
    data = project.path / "data"
    return {
        path.relative_to(data).as_posix()
        for path in data.rglob("*")
        if path.is_file() and "/." not in f"/{path.relative_to(data).as_posix()}"
        if "01_raw" not in path.parts
    }


def mlflow_runs(project: InstalledProject) -> int:
    """Return the number of runs in the project's own MLflow store."""
    with sqlite3.connect(project.path / "mlflow.db") as store:
        (count,) = store.execute("SELECT count(*) FROM runs").fetchone()
    assert isinstance(count, int)
    return count


Scores = dict[str, tuple[float, float]]


@pytest.fixture(scope="module")
def right_scores(installed: InstalledProject) -> Scores:
    """Return scikit-learn's own scores by model: of validation and of the test set."""
    output = installed.run("python", "-c", SCIKIT_LEARN).stdout
    (line,) = re.findall(r"^SCORES (.*)$", output, re.MULTILINE)
    return {name: (cv, test) for name, (cv, test) in json.loads(line).items()}


@pytest.fixture
def right_scores_of_models(right_scores: Scores) -> dict[str, float]:
    """Return the test scores of the models, without the baseline."""
    return {model: right_scores[model][1] for model in MODELS}


def test_first_run(
    project: InstalledProject,
    right_scores: Scores,
    right_scores_of_models: dict[str, float],
) -> None:
    output = project.run("kedro", "run", env={"COLUMNS": "80"}).stdout

    # The output is short, and no line is cut off.
    assert "WARNING" not in output
    lines = output.splitlines()
    assert len(lines) <= 40
    # The verdict is one line, which terminals wrap.
    assert max(len(line) for line in lines if not line.startswith("verdict")) <= 80
    assert set(completed_nodes(output)) == {
        "split_data",
        "read_columns",
        "advise_on_table",
        *nodes_of(*MODELS),
        "models.compare_models",
    }
    assert written(project) == {
        *(f"05_model_input/{part}" for part in SPLIT),
        *(file.format(model) for model in MODELS for file in FILES_OF_MODEL),
        "08_reporting/leaderboard.csv",
        "08_reporting/leaderboard_plot.png",
        "08_reporting/report.html",
    }
    assert scores(project) == right_scores_of_models
    for model in MODELS:
        path = project.path / f"data/08_reporting/{model}_metrics.json"
        metrics = json.loads(path.read_text())
        assert metrics["model_score"] == metrics["test_accuracy"]
        assert metrics.keys() >= {
            *(f"validation_f1_macro{of}" for of in ("", "_stderr")),
            "test_f1_macro",
            *("test_accuracy_low", "test_accuracy_high"),
            "fit_seconds",
        }

    rows = leaderboard(project)
    for row in rows:
        row_scores = float(row["validation_accuracy"]), float(row["test_accuracy"])
        assert row_scores == pytest.approx(right_scores[row["model"]])
    ranked = [row["model"] for row in rows]
    assert ranked == sorted(ranked, key=lambda m: right_scores[m][0], reverse=True)
    # The console shows the same ranks and scores, and where the files are.
    pattern = r"^ *(\w+)(?: \(champion\))? +([\d.]+) .[\d.]+ +([\d.]+) "
    shown = re.findall(pattern, output, re.MULTILINE)
    assert shown == [
        (m, f"{right_scores[m][0]:.3f}", f"{right_scores[m][1]:.3f}") for m in ranked
    ]
    assert re.search(r"^files .*data/08_reporting", output, re.MULTILINE)
    assert re.search(r"^full log .*conf/logging\.yml", output, re.MULTILINE)
    assert re.search(rf"^verdict +{ranked[0]}\b", output, re.MULTILINE)
    plot = project.path / "data/08_reporting/leaderboard_plot.png"
    assert plot.read_bytes().startswith(b"\x89PNG")

    # From a folder below, the run makes the same files and uses the same store.
    files, ranked_before = written(project), scores(project)
    runs = mlflow_runs(project)
    below = project.path / "notebooks"
    for file in files:
        (project.path / "data" / file).unlink()
    output = project.run("kedro", "run", cwd=below).stdout
    assert written(project) == files
    assert scores(project) == ranked_before
    assert mlflow_runs(project) > runs
    assert {path.name for path in below.iterdir()} == {"explore.ipynb"}
    # Printed paths are relative to where the run was started.
    (paths,) = re.findall(r"^files +(.*\S)", output, re.MULTILINE)
    assert all((below / path).is_dir() for path in paths.split(", "))


def test_parts_of_a_run(
    project: InstalledProject, right_scores_of_models: dict[str, float]
) -> None:
    def run(*options: str) -> set[str]:
        """Run a part; return the nodes that were completed."""
        return set(completed_nodes(project.run("kedro", "run", *options).stdout))

    svm_score = project.path / "data/06_models/linear_svm_model_score.json"
    svm_only = {"linear_svm": right_scores_of_models["linear_svm"]}

    # One model on a fresh checkout makes only its files.
    nodes = run("--pipelines", "models.linear_svm")
    split = {"split_data", "read_columns"}
    assert nodes == split | nodes_of("linear_svm")
    assert scores(project) == svm_only
    assert written(project) == {
        *(f"05_model_input/{part}" for part in SPLIT if part != "advice.csv"),
        *(file.format("linear_svm") for file in FILES_OF_MODEL),
        "08_reporting/report_models_linear_svm.html",
    }

    # The split on disk is not made again.
    svm_score.unlink()
    assert run("--namespaces", "models.linear_svm") == nodes_of("linear_svm")
    assert scores(project) == svm_only

    svm_score.unlink()
    nodes = run("--to-outputs", "models.linear_svm.model_score")
    assert nodes == {"split_data", "read_columns", *nodes_of("linear_svm")}
    assert scores(project) == svm_only

    # Outputs that exist are not made again.
    nodes = run("--only-missing-outputs")
    missing = nodes_of("nearest_neighbors", "decision_tree")
    assert nodes == missing | {"advise_on_table", "models.compare_models"}
    assert scores(project) == right_scores_of_models

    # A score that is missing needs no fitting.
    svm_score.unlink()
    nodes = run("--only-missing-outputs")
    assert "models.linear_svm.score_model" in nodes
    assert nodes <= {"models.linear_svm.score_model", "models.compare_models"}
    assert scores(project) == right_scores_of_models


def test_models_follow_the_parameters(project: InstalledProject) -> None:
    # The commented example becomes a model.
    parameters = project.path / "conf/base/parameters.yml"
    commented = parameters.read_text()
    before, name, after = commented.partition("  # neural_net:")
    assert name
    example, _, _ = after.partition("\n\n")
    parameters.write_text(before + (name + example).replace("  # ", "  "))
    # For this run, one model is off and another one changed.
    off, shallow = "linear_svm.enabled=false", "decision_tree.model_kwargs.max_depth=1"
    project.run("kedro", "run", f"--params=models.{off},models.{shallow}")
    assert {row["model"] for row in leaderboard(project)} == {
        "nearest_neighbors",
        "decision_tree",
        "neural_net",
        "baseline",
    }
    assert written(project) >= {file.format("neural_net") for file in FILES_OF_MODEL}
    assert "06_models/linear_svm_model.pkl" not in written(project)
    assert depth_of_tree(project) == 1


def depth_of_tree(project: InstalledProject) -> int:
    """Return the depth of the fitted decision tree on disk."""
    script = "import pickle; print(pickle.load(open('%s', 'rb'))[-1].get_depth())"
    path = "data/06_models/decision_tree_model.pkl"
    return int(project.run("python", "-c", script % path).stdout)


def test_a_package_that_cannot_be_imported_lacks_only_its_own_pipelines(
    project: InstalledProject,
) -> None:
    package = project.path / f"src/{project.package}/pipelines/broken"
    package.mkdir()
    (package / "__init__.py").write_text("import not_installed\n")
    project.run("kedro", "run", "--pipelines", "split_data")
    output = project.run("kedro", "run", "--pipelines", "models").stdout
    assert set(completed_nodes(output)) == {*nodes_of(*MODELS), "models.compare_models"}
    assert re.search(r"WARNING .*iris\.pipelines\.broken are missing", output)
    assert "not_installed" in output
    listed = project.run("kedro", "registry", "list").stdout
    assert "- benchmark.iris\n" in listed
    assert "broken\n" not in listed.replace("pipelines.broken", "")
