"""The family `benchmark` on the shipped data: results, resuming, sharing, limits."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from textwrap import indent

import pytest

from e2e.conftest import InstalledProject, wait_for
from e2e.mlflow_store import edit, store_of
from e2e.test_runs import leaderboard as of_models

DATASETS = ("iris", "wine", "breast_cancer", "digits")
KINDS = ("baseline", "tuned")
MODELS = ("nearest_neighbors", "linear_svm", "decision_tree")

# Accuracies in scikit-learn's documentation: iris in Getting Started, wine in
# plot_scaling_importance, breast cancer in plot_permutation_importance_multicollinear,
# digits in plot_digits_classification.
PUBLISHED = {"iris": 0.97, "wine": 0.963, "breast_cancer": 0.97, "digits": 0.97}


def leaderboard(project: InstalledProject, dataset: str) -> dict[str, dict[str, float]]:
    """Return the metrics of the models on a data set, by model."""
    path = project.path / f"data/08_reporting/benchmark/{dataset}/leaderboard.csv"
    with path.open(newline="") as file:
        rows = {row.pop("model"): row for row in csv.DictReader(file)}
    board = {}
    for model, row in rows.items():
        for text in ("note", "found"):
            row.pop(text, None)
        board[model] = {key: float(value) for key, value in row.items() if value}
    return board


def trials(project: InstalledProject) -> list[tuple[int, str]]:
    """Return number and state of every trial in Optuna's file."""
    path = project.path / "data/06_models/studies.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            rows = database.execute("SELECT number, state FROM trials").fetchall()
        except sqlite3.OperationalError:  # the tables are not there yet
            return []
    return [(int(number), str(state)) for number, state in rows]


def test_the_study_of_the_shipped_data(project: InstalledProject) -> None:
    command = ["kedro", "run", "--pipelines", "benchmark"]
    output = project.run(*command).stdout
    assert "WARNING" not in output
    assert "Mean ranks of the models" in output
    assert re.search(
        r"of 12 models by more than chance: .*decision_tree on dig", output
    )
    for dataset in DATASETS:
        board = leaderboard(project, dataset)
        cells = {f"{model}.{kind}" for model in MODELS for kind in KINDS}
        assert board.keys() == {*cells, "baseline"}
        best = max(board[cell]["validation_accuracy"] for cell in cells)
        assert best >= PUBLISHED[dataset]
    digits = leaderboard(project, "digits")
    baseline, tuned = (
        digits[f"decision_tree.{kind}"]["test_accuracy"] for kind in KINDS
    )
    assert tuned > baseline + 0.1
    ranked = project.path / "data/08_reporting/benchmark/ranks.csv"
    assert ranked.read_text().splitlines()[1].split(",")[0].endswith(".tuned")

    store = store_of(project)
    parent, children = store.family()
    names = {f"{dataset}.{cell}" for dataset in DATASETS for cell in cells}
    assert children.keys() == names
    assert {run.status for run in (parent, *children.values())} == {"FINISHED"}
    # The run of the tuned model has the arguments that the study found.
    tuned_run = children["digits.decision_tree.tuned"]
    assert int(tuned_run.params["model_kwargs.max_depth"]) > 3
    assert tuned_run.metrics["test_accuracy"] == pytest.approx(tuned, abs=1e-6)
    artifacts = store.artifacts / parent.id / "artifacts"
    logged = {path.name for path in artifacts.iterdir()}
    assert {"report_benchmark.html", "benchmark.ranks.csv"} < logged
    assert {"benchmark.iris.trials.csv"} < logged

    # A second run has no trial left to make, in processes too.
    before = len(trials(project))
    command = ["kedro", "run", "--pipelines", "benchmark.iris"]
    again = project.run(*command, "--runner", "ParallelRunner").stdout
    assert leaderboard(project, "iris").keys() == digits.keys()
    assert len(re.findall(r": 20 trials, 0 new", again)) == 3
    assert len(trials(project)) == before == 240

    # The tuned entry, pasted into parameters.yml, is a model like any other.
    entry = project.path / "data/06_models/benchmark/iris/linear_svm_tuned.yml"
    pasted = indent(f"pasted:\n{indent(entry.read_text(), '  ')}", "  ")
    edit(project, "parameters.yml", r"(?m)^models:\n", f"models:\n{pasted}")
    project.run("kedro", "run", "--pipelines", "__default__")
    (row,) = (row for row in of_models(project) if row["model"] == "pasted")
    # Without rows for tuning it has other folds, but the same test set.
    in_study = leaderboard(project, "iris")["linear_svm.tuned"]
    assert float(row["test_accuracy"]) == in_study["test_accuracy"]


def split(project: InstalledProject, goal: int) -> list[str]:
    """Split digits, and return the command that tunes one model on it."""
    nodes = "--nodes=benchmark.digits.split_data,benchmark.digits.read_columns"
    project.run("kedro", "run", "--pipelines=benchmark", nodes)
    node = "--nodes=benchmark.digits.linear_svm.tuned.tune_model"
    params = f"--params=benchmark.tuning.trials={goal}"
    return ["kedro", "run", "--pipelines=benchmark.digits", node, params]


def test_a_killed_study_goes_on(project: InstalledProject, tmp_path: Path) -> None:
    goal, log = 40, tmp_path / "log"
    command = split(project, goal)
    with project.background(*command, log=log) as process:
        wait_for(lambda: len(trials(project)) > 5, process, log)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = Counter(state for _, state in trials(project))
    assert before["COMPLETE"] < goal
    output = project.run(*command).stdout
    # The goal counts complete trials; the killed process left one RUNNING.
    after = Counter(state for _, state in trials(project))
    assert after == Counter(COMPLETE=goal, RUNNING=before["RUNNING"])
    assert f"{goal} trials, {goal - before['COMPLETE']} new" in output
    done = project.path / "data/08_reporting/benchmark/digits/linear_svm_trials.json"
    table = json.loads(done.read_text())
    assert {row["state"] for row in table} == {"COMPLETE"}
    values = [row["arguments"].get("C") for row in table]
    assert len(table) == len(set(values)) == goal  # no value is tried twice


def test_a_study_ends_in_time_and_keeps_what_failed(project: InstalledProject) -> None:
    command = split(project, goal=1000)
    edit(project, "parameters.yml", r"0\.001, 100\], log: true", "-100, 1]")
    command[-1] += ",benchmark.tuning.timeout=5"
    project.run(*command)
    states = Counter(state for _, state in trials(project))
    assert states["COMPLETE"]
    assert states["FAIL"]  # C below 0, which the model rejects
    assert states.total() < 1000


def test_many_register_without_an_estimator(project: InstalledProject) -> None:
    models = "".join(
        f"  m{i}: {{class: sklearn.no_such.Model{i}}}\n" for i in range(50)
    )
    datasets = "".join(f"    d{i}: {{target_column: y}}\n" for i in range(20))
    base = project.path / "conf/base"
    before, _, _ = (base / "parameters.yml").read_text().partition("\nmodels:")
    (base / "parameters.yml").write_text(f"{before}\nmodels:\n{models}")
    (base / "parameters_benchmark.yml").write_text(
        f"benchmark:\n  datasets:\n{datasets}  tuning: {{}}\n"
    )
    output = project.run("kedro", "registry", "list").stdout
    assert len(re.findall(r"^- benchmark\.d\d+$", output, re.MULTILINE)) == 20
