"""The best model: registered, kept until a better one comes, and put to use."""

from __future__ import annotations

import csv
import json
import re

import pytest
import yaml

from e2e.conftest import InstalledProject
from e2e.mlflow_store import edit, store_of, verdict_in
from e2e.test_runs import leaderboard

# With nearly everyone for a neighbor, one species is as near as the other.
WORSE = (
    "models.decision_tree.enabled=false,models.linear_svm.enabled=false,"
    "models.nearest_neighbors.model_kwargs.n_neighbors=100"
)

SCORE_AGAIN = """
import sys
import mlflow
import pandas as pd
mlflow.set_tracking_uri("sqlite:///mlflow.db")
champion = mlflow.sklearn.load_model(f"models:/{sys.argv[1]}@champion")
X, y = (pd.read_parquet(f"data/05_model_input/{part}_test.parquet") for part in "Xy")
print("SCORE", champion.score(X, y))
"""


def test_a_champion_and_those_who_would_be(project: InstalledProject) -> None:
    store, package = store_of(project), project.package

    # Nothing to predict with yet: which command makes one.
    done = project.run("kedro", "run", "--pipelines", "predict", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "'kedro run'" in done.stdout.strip().splitlines()[-1]

    output = project.run("kedro", "run", f"--params={WORSE}").stdout
    assert verdict_in(output).startswith("nearest_neighbors")
    assert store.champion(package) == 1
    first = {row["model"]: row["model_score"] for row in leaderboard(project)}

    # The same again is kept: to be champion takes more than to be as good.
    output = project.run("kedro", "run", f"--params={WORSE}").stdout
    assert "kept" in verdict_in(output)
    assert store.champion(package) == 1

    # Better, but not by the margin.
    edit(project, "tracking.yml", r"margin: 0\.0", "margin: 0.9")
    output = project.run("kedro", "run").stdout
    assert re.match(r"nearest_neighbors \(kept\b", verdict_in(output))
    assert store.champion(package) == 1

    # Other test data: the score of then does not count, the champion is scored again.
    output = project.run("kedro", "run", "--params=random_state=7").stdout
    again = project.run("python", "-c", SCORE_AGAIN, package).stdout
    (score,) = map(float, re.findall(r"^SCORE (.*)$", again, re.MULTILINE))
    assert score != pytest.approx(float(first["nearest_neighbors"]), abs=0.001)
    assert f"{score:.3f}" in verdict_in(output)
    assert store.champion(package) == 1

    edit(project, "tracking.yml", r"margin: 0\.9", "margin: 0.0")
    output = project.run("kedro", "run").stdout
    best = leaderboard(project)[0]["model"]
    assert re.match(rf"{best} \(promoted\b", verdict_in(output))
    version = store.champion(package)
    assert version is not None
    assert version == max(store.versions(package))
    run = next(r for r in store.runs() if r.id == store.versions(package)[version])
    assert (run.name, run.status) == (best, "FINISHED")

    # The files of the registered model.
    folder = store.logged_models()[run.id]
    described = yaml.safe_load((folder / "MLmodel").read_text())
    assert described["flavors"]["sklearn"]["serialization_format"] == "skops"
    columns = [
        column["name"] for column in json.loads(described["signature"]["inputs"])
    ]
    assert len(columns) == 4
    assert json.loads(described["signature"]["outputs"])
    example = json.loads((folder / "input_example.json").read_text())
    assert example["columns"] == columns
    required = (folder / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==\S+", line) for line in required)
    assert {line.partition("==")[0] for line in required} >= {"mlflow", "scikit-learn"}

    # And it predicts.
    known = store.runs()
    project.run("kedro", "run", "--pipelines", "predict")
    path = project.path / "data/07_model_output/flower_predictions.csv"
    with path.open(newline="") as file:
        predicted = list(csv.DictReader(file))
    new = project.path / "data/01_raw/new_flowers.csv"
    assert len(predicted) == len(new.read_text().splitlines()) - 1
    species = {line.split(",")[-1] for line in iris(project)}
    assert {row["prediction"] for row in predicted} <= species
    parent, children = store.family(*known)
    assert (parent.name, parent.status, children) == ("predict", "FINISHED", {})


def iris(project: InstalledProject) -> list[str]:
    """Return the lines of the sample data, without the header."""
    return (project.path / "data/01_raw/iris.csv").read_text().splitlines()[1:]
