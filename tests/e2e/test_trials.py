"""Models of the shipped table that are tuned first, because their entries say so."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from e2e.conftest import InstalledProject
from e2e.mlflow_store import edit, store_of
from e2e.test_runs import leaderboard

STUDY = r"Study (\S+): (\d+) trials, (\d+) new"
TUNED = "models.decision_tree.tune_model"


def studies(printed: str) -> list[tuple[str, int, int]]:
    """Return name, trials and new trials of each study of a run."""
    text = " ".join(printed.split())
    return [(name, int(all_), int(new)) for name, all_, new in re.findall(STUDY, text)]


def test_a_model_is_tuned_where_it_is(project: InstalledProject) -> None:
    edit(project, "parameters.yml", r"(\[gini, entropy\]\}\n)", r"\1    trials: 12\n")
    edit(project, "parameters.yml", r"(max_depth): 3\n", r"\1: 1\n")
    printed = project.run("kedro", "run", "--pipelines=models.decision_tree").stdout
    ((study, *counts),) = studies(printed)
    assert study.startswith("DecisionTreeClassifier.")
    assert counts == [12, 12]

    known = store_of(project).runs()
    ((_, *counts),) = studies(project.run("kedro", "run").stdout)
    assert counts == [12, 0]  # the study goes on where it was

    # The fitted model, MLflow and the champion's recipe have what was found.
    data = project.path / "data"
    entry = yaml.safe_load((data / "06_models/decision_tree_tuned.yml").read_text())
    depth = entry["model_kwargs"]["max_depth"]
    assert depth > 1
    store = store_of(project)
    parent, children = store.family(*known)
    assert children["decision_tree"].params["model_kwargs.max_depth"] == str(depth)
    trials = "models.decision_tree.trials.json"
    logged = store.artifacts / parent.id / "artifacts" / trials
    of_run = json.loads((data / "08_reporting/decision_tree_trials.json").read_text())
    assert json.loads(logged.read_text()) == of_run

    # Nothing is validated on the rows that the study saw.
    folds = (data / "05_model_input/folds.csv").read_text().splitlines()[1:]
    assert sum(line.startswith("tuning,") for line in folds) == 39

    # Nothing is made again, then what depends on one more trial.
    again = ["kedro", "run", "--only-missing-outputs"]
    assert "tune_model" not in project.run(*again).stdout
    more = project.run(*again, "--params=models.decision_tree.trials=13").stdout
    assert studies(more) == [(study, 13, 1)]
    assert "models.linear_svm" not in more

    # Pasted as it is, the entry is a model with the same score.
    tuned = leaderboard(project)
    pasted = yaml.safe_load((project.path / "conf/base/parameters.yml").read_text())
    pasted["models"]["pasted"] = entry
    path = project.path / "conf/base/parameters.yml"
    path.write_text(yaml.safe_dump(pasted, sort_keys=False))
    project.run("kedro", "run")
    scores = {row["model"]: row["validation_accuracy"] for row in leaderboard(project)}
    assert scores["pasted"] == scores["decision_tree"]
    assert len(tuned) == len(scores) - 1


def test_the_graph_shows_the_node(project: InstalledProject) -> None:
    edit(project, "parameters.yml", "trials: 0.*", "trials: 2")
    project.run("kedro", "viz", "build")
    graph = json.loads((project.path / "build/api/main").read_text())
    names = {node["name"] for node in graph["nodes"]}
    assert {"tune_model", "models.linear_svm.trials"} <= names
    assert (
        "models.linear_svm.tune_model"
        in project.run("kedro", "registry", "describe", "models.linear_svm").stdout
    )


@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
def test_a_study_that_fails_fails_its_model_alone(
    project: InstalledProject, runner: str
) -> None:
    edit(project, "parameters.yml", r"trials: 0.*", "trials: 3")
    edit(project, "parameters.yml", "kernel: linear", "kernel: no")
    done = project.run("kedro", "run", f"--runner={runner}", check=False)
    assert done.returncode == 1
    rows = {row["model"]: row for row in leaderboard(project)}
    assert "all 3 trials failed, the last with " in rows["linear_svm"]["error"]
    assert not rows["decision_tree"]["error"]
    edit(project, "parameters.yml", "kernel: no", "kernel: linear")
    printed = project.run("kedro", "run", "--only-missing-outputs").stdout
    assert [counts for _, *counts in studies(printed)] == [[3, 3]]
