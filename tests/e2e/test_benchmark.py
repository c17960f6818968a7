"""The family `benchmark` on the shipped data: what comes out, and how it goes on."""

from __future__ import annotations

import csv
import os
import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from e2e.conftest import InstalledProject, wait_for
from e2e.mlflow_store import store_of

DATASETS = ("iris", "wine", "breast_cancer", "digits")
MODELS = ("nearest_neighbors", "linear_svm", "decision_tree")

# What scikit-learn's own documentation prints: for iris in Getting Started,
# for wine in plot_scaling_importance, for breast cancer in
# plot_permutation_importance_multicollinear, for digits in plot_digits_classification.
PUBLISHED = {"iris": 0.97, "wine": 0.963, "breast_cancer": 0.97, "digits": 0.97}


def leaderboard(project: InstalledProject, dataset: str) -> dict[str, dict[str, float]]:
    """Return the metrics of the models on a data set, by model."""
    path = project.path / f"data/08_reporting/benchmark/{dataset}/leaderboard.csv"
    with path.open(newline="") as file:
        rows = {row.pop("model"): row for row in csv.DictReader(file)}
    return {
        model: {key: float(value) for key, value in row.items() if value}
        for model, row in rows.items()
    }


def trials(project: InstalledProject) -> list[tuple[int, str]]:
    """Return number and state of every trial in Optuna's file."""
    path = project.path / "data/06_models/benchmark_studies.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as database:
        try:
            found = database.execute("SELECT number, state FROM trials").fetchall()
        except sqlite3.OperationalError:  # the tables are not there yet
            return []
    return [(int(number), str(state)) for number, state in found]


@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
def test_the_study_of_the_shipped_data(project: InstalledProject, runner: str) -> None:
    command = ["kedro", "run", "--pipelines", "benchmark", "--runner", runner]
    output = project.run(*command).stdout
    assert "WARNING" not in output
    assert "Mean ranks of the models" in output
    for dataset in DATASETS:
        board = leaderboard(project, dataset)
        assert board.keys() == {*MODELS, "baseline"}
        for model in MODELS:
            metrics = board[model]
            assert metrics["cv_mean"] >= metrics["baseline_cv_mean"]
            assert metrics["trials"] == 20
        best = max(board[model]["cv_mean"] for model in MODELS)
        assert best >= PUBLISHED[dataset]
    assert {"precision", "recall", "roc_auc"} < leaderboard(project, "breast_cancer")[
        "linear_svm"
    ].keys()

    store = store_of(project)
    parent, children = store.family()
    assert children.keys() == {f"{one}.{model}" for one in DATASETS for model in MODELS}
    assert {run.status for run in (parent, *children.values())} == {"FINISHED"}
    # The study has found better arguments for it than its own.
    tuned = children["digits.decision_tree"].params
    assert {key for key in tuned if key.startswith("tuned.")}
    steps = Counter(
        run
        for (run,) in store.rows(
            "SELECT run_uuid FROM metrics WHERE key = 'trial_value'"
        )
    )
    assert steps == {child.id: 20 for child in children.values()}
    artifacts = store.artifacts / parent.id / "artifacts"
    logged = {path.name for path in artifacts.iterdir()}
    assert {"benchmark.heat_map.html", "benchmark.ranks.csv"} < logged
    assert {"benchmark.iris.learning_curves_plot.html"} < logged
    assert {"benchmark.iris.reports.csv"} < logged

    # Nothing is left to try.
    before = len(trials(project))
    again = project.run("kedro", "run", "--pipelines", "benchmark").stdout
    assert len(re.findall(r"20 of 20 trials, 0 of them new", again)) == 12
    assert len(trials(project)) == before == 240


def split(project: InstalledProject, goal: int) -> list[str]:
    """Split digits, and return the command that tunes one model on it."""
    project.run("kedro", "run", "--pipelines=benchmark.digits", "--tags=split")
    node = "--nodes=benchmark.digits.linear_svm.tune_model"
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
    # The trial that was killed has begun again: the goal is one of whole trials.
    after = Counter(state for _, state in trials(project))
    assert after == Counter(COMPLETE=goal, FAIL=before["RUNNING"])
    assert f"{goal} of {goal} trials" in output
    done = project.path / "data/08_reporting/benchmark/digits/linear_svm_trials.csv"
    with done.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["number"]) for row in table] == list(range(goal))
    assert {row["state"] for row in table} == {"COMPLETE"}


def test_two_processes_share_a_study(project: InstalledProject, tmp_path: Path) -> None:
    goal = 40
    command = split(project, goal)
    logs = [tmp_path / "first", tmp_path / "second"]
    with (
        project.background(*command, log=logs[0]) as first,
        project.background(*command, log=logs[1]) as second,
    ):
        assert first.wait(300) == second.wait(300) == 0
    assert sorted(number for number, _ in trials(project)) == list(range(goal))
    assert {state for _, state in trials(project)} == {"COMPLETE"}
    said = [re.search(r"(\d+) of them new", log.read_text()) for log in logs]
    new = [int(match[1]) for match in said if match]
    assert len(new) == 2
    best = [re.search(r"accuracy (\S+),", log.read_text()) for log in logs]
    assert len({match[1] for match in best if match}) == 1


def test_many_register_without_an_estimator(project: InstalledProject) -> None:
    models = "".join(
        f"  m{i}: {{class: sklearn.no_such.Model{i}}}\n" for i in range(50)
    )
    datasets = "".join(f"    d{i}: {{target: y}}\n" for i in range(20))
    base = project.path / "conf/base"
    before, _, _ = (base / "parameters.yml").read_text().partition("\nmodels:")
    (base / "parameters.yml").write_text(f"{before}\nmodels:\n{models}")
    (base / "parameters_benchmark.yml").write_text(
        f"benchmark:\n  datasets:\n{datasets}  tuning: {{}}\n"
    )
    output = project.run("kedro", "registry", "list").stdout
    assert len(re.findall(r"^- benchmark\.d\d+$", output, re.MULTILINE)) == 20
