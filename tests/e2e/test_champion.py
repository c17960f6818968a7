"""The champion: registered, replaced only by a better model, and used to predict."""

from __future__ import annotations

import csv
import json
import re

import yaml

from e2e.conftest import InstalledProject
from e2e.mlflow_store import edit, store_of, verdict_in
from e2e.test_runs import leaderboard

# With nearly all rows as neighbors, the model cannot tell species apart.
WORSE = (
    "models.decision_tree.enabled=false,models.linear_svm.enabled=false,"
    "models.nearest_neighbors.model_kwargs.n_neighbors=90"
)

VALIDATE_AGAIN = """
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = (pd.read_parquet(f"data/05_model_input/{part}_train.parquet") for part in "Xy")
folds = StratifiedKFold(5, shuffle=True, random_state=7)
model = make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=90))
print("SCORE", cross_val_score(model, X, y.iloc[:, 0], cv=folds).mean())
"""


def test_a_champion_and_its_candidates(project: InstalledProject) -> None:
    store, package = store_of(project), project.package

    # Without a champion, the error names the command that makes one.
    done = project.run("kedro", "run", "--pipelines", "predict", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "'kedro run'" in done.stdout.strip().splitlines()[-1]

    output = project.run("kedro", "run", f"--params={WORSE}").stdout
    assert verdict_in(output).startswith("nearest_neighbors is the first champion: ")
    assert store.champion(package) == 1

    # The champion stays if the same model comes again, or one within the margin.
    output = project.run("kedro", "run", f"--params={WORSE}").stdout
    assert re.search(r"^Keep \w+: the same model .* 0\.\d+, the ba", verdict_in(output))
    edit(project, "tracking.yml", r"margin: 0\.0", "margin: 0.9")
    output = project.run("kedro", "run").stdout
    assert re.match(r"Keep nearest_neighbors: .* \(0\.9\)", verdict_in(output))

    # On other data, the champion is cross-validated again.
    output = project.run("kedro", "run", "--params=random_state=7").stdout
    again = project.run("python", "-c", VALIDATE_AGAIN).stdout
    (score,) = map(float, re.findall(r"^SCORE (.*)$", again, re.MULTILINE))
    assert f" against {score:.3f}" in verdict_in(output)
    # A model that did not win has no version and no files.
    assert store.versions(package).keys() == {1}
    assert len(store.logged_models()) == 1

    edit(project, "tracking.yml", r"margin: 0\.9", "margin: 0.0")
    output = project.run("kedro", "run").stdout
    best = leaderboard(project)[0]["model"]
    replaced = rf"{best} replaces \w+: .* against .*, beyond chance"
    assert re.match(replaced, verdict_in(output))
    version = store.champion(package)
    assert version == 2
    run = next(r for r in store.runs() if r.id == store.versions(package)[version])
    assert (run.tags["model"], run.status) == (best, "FINISHED")
    recipe = store.artifacts / run.id / "artifacts/recipe.json"
    assert json.loads(recipe.read_text())["scores"]["accuracy"]

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
    path = project.path / "data/07_model_output/new_flowers_predictions.csv"
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
