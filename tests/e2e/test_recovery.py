"""Models that fail stop neither the others nor a resumed run."""

from __future__ import annotations

import re

import pytest

from e2e.conftest import InstalledProject
from e2e.mlflow_store import store_of
from e2e.test_runs import leaderboard

RUNNERS = ["ParallelRunner"]

# Five models that fail, each in another way.
FAILING = """
import sys

import numpy as np
from sklearn.tree import DecisionTreeClassifier


class Raises(DecisionTreeClassifier):
    def fit(self, X, y):
        raise ValueError("not today\\n(a second line)")


class Exits(DecisionTreeClassifier):
    def fit(self, X, y):
        sys.exit(3)


class NeedsMemory(DecisionTreeClassifier):
    def fit(self, X, y):
        # More than the limit that resource.setrlimit sets, or any machine has.
        self.huge_ = np.ones(2**47, dtype=np.uint8)
        return self


class CannotBeScored(DecisionTreeClassifier):
    def predict(self, X):
        raise KeyError("score")


class CannotBeBuilt(DecisionTreeClassifier):
    def __init__(self):
        raise RuntimeError("no licence")
"""
ERRORS = {
    "raises": ("Raises", "ValueError: not today (a second line)"),
    "exits": ("Exits", "SystemExit: 3"),
    "needs_memory": ("NeedsMemory", "MemoryError: "),
    "cannot_be_scored": ("CannotBeScored", "KeyError: 'score'"),
    "cannot_be_built": ("CannotBeBuilt", "RuntimeError: no licence"),
}


def with_models(project: InstalledProject, trees: int, failing: bool) -> None:
    """Add an environment with decision trees, and with models that fail."""
    (project.path / f"src/{project.package}/failing.py").write_text(FAILING)
    lines = ["models:"]
    for i in range(trees):
        lines += [f"  tree_{i:02}:", "    class: sklearn.tree.DecisionTreeClassifier"]
    for name, (cls, _) in ERRORS.items() if failing else ():
        lines += [f"  {name}:", f"    class: {project.package}.failing.{cls}"]
    folder = project.path / "conf/many"
    folder.mkdir()
    (folder / "parameters.yml").write_text("\n".join(lines))


@pytest.mark.parametrize("runner", RUNNERS)
def test_failing_models_do_not_stop_the_others(
    runner: str, project: InstalledProject
) -> None:
    with_models(project, trees=42, failing=True)
    source = {"PYTHONPATH": str(project.path / "src")}
    command = ["kedro", "run", "--env=many", f"--runner={runner}"]
    done = project.run(*command, check=False, env=source)

    assert done.returncode == 1
    assert "Traceback" not in done.stdout
    *lines, advice, command_for_rest = done.stdout.rstrip().splitlines()
    message = "\n".join(lines[-6:])
    assert "5 of 50 models failed:" in message
    for name, (_, error) in ERRORS.items():
        assert f"\n  models.{name}: {error}" in message
    assert "--only-missing-outputs" in command_for_rest
    assert "missing" in advice

    rows = {row["model"]: row for row in leaderboard(project)}
    assert len(rows) == 51
    for name, row in rows.items():
        fails = name in ERRORS
        assert bool(row["model_score"]) != fails
        assert bool(row["validation_accuracy"]) != fails
        assert row["error"].startswith(ERRORS[name][1] if fails else "")
        model = project.path / f"data/06_models/{name}_model.pkl"
        assert model.exists() == (not fails and name != "baseline")

    parent, children = store_of(project).family()
    assert parent.status == "FAILED"
    statuses = {name: run.status for name, run in children.items()}
    assert statuses == {
        name: "FAILED" if name in ERRORS else "FINISHED"
        for name in rows
        if name != "baseline"
    }
    for name, (_, error) in ERRORS.items():
        assert children[name].tags["error"].startswith(error)
        assert error.partition(":")[0] in children[name].tags["traceback"]

    # When the classes are mended, only what is missing is run.
    module = project.path / f"src/{project.package}/failing.py"
    names = [cls for cls, _ in ERRORS.values()]
    module.write_text(
        "from sklearn.tree import DecisionTreeClassifier\n"
        + "\n".join(f"class {name}(DecisionTreeClassifier): pass" for name in names)
    )
    printed = project.run(*command, "--only-missing-outputs", env=source).stdout
    assert printed.count("Done: ") == 3 * len(ERRORS) + 1
    assert all(row["model_score"] for row in leaderboard(project))


def test_when_all_models_fail_it_says_so(project: InstalledProject) -> None:
    with_models(project, trees=0, failing=True)
    source = {"PYTHONPATH": str(project.path / "src")}
    off = ",".join(
        f"models.{name}.enabled=false"
        for name in ("nearest_neighbors", "linear_svm", "decision_tree")
    )
    command = ["kedro", "run", "--env=many", f"--params={off}"]
    done = project.run(*command, check=False, env=source)
    assert done.returncode == 1
    assert "5 of 5 models failed:" in done.stdout
    assert leaderboard(project)[0]["model"] == "baseline"


# Two nodes that a person adds for every model: a table and a plot.
EXTRA = """
def importances(fitted_model: Any, X_test: pd.DataFrame) -> pd.DataFrame:
    from sklearn.inspection import permutation_importance

    found = permutation_importance(
        fitted_model, X_test, fitted_model.predict(X_test), n_repeats=1
    )
    return pd.DataFrame({"feature": list(X_test), "drop": found.importances_mean})


def plot(fitted_model: Any, X_test: pd.DataFrame) -> Any:
    from plotly import express

    return express.bar(importances(fitted_model, X_test), x="feature", y="drop")
"""
NODES = """    return [
        Node(importances, ["fitted_model", "X_test"], "importances", name="rank"),
        Node(plot, ["fitted_model", "X_test"], "importances_plot", name="plot"),
"""
PATTERNS = """
models.{namespace}.importances:
  type: pandas.CSVDataset
  filepath: data/08_reporting/{namespace}_importances.csv

models.{namespace}.importances_plot:
  type: plotly.JSONDataset
  filepath: data/08_reporting/{namespace}_importances.json
"""


def test_own_nodes_are_part_of_every_model(project: InstalledProject) -> None:
    with_models(project, trees=0, failing=True)
    folder = project.path / f"src/{project.package}/pipelines/models"
    with (folder / "nodes.py").open("a") as nodes:
        nodes.write(EXTRA)
    pipeline = (folder / "pipeline.py").read_text()
    more = pipeline.replace("    return [\n", NODES, 1)
    more = more.replace("import fit_model,", "import fit_model, importances, plot,", 1)
    (folder / "pipeline.py").write_text(more)

    # Without patterns in the catalog, the run names the outputs.
    command = ["kedro", "run", "--env=many", "--runner=ThreadRunner"]
    refused = project.run(*command, check=False).stdout
    for name in ("importances", "importances_plot"):
        assert re.search(rf"add 'models\.{{namespace}}\.{name}'", refused)

    with (project.path / "conf/base/catalog.yml").open("a") as catalog:
        catalog.write(PATTERNS)
    # Where a model failed, its outputs are not made, and old ones are deleted.
    reporting = project.path / "data/08_reporting"
    stale = reporting / "exits_importances.json"
    stale.write_text("{}")
    done = project.run(*command, check=False)
    assert "5 of 8 models failed:" in done.stdout
    assert "Traceback" not in done.stdout
    finished = {"nearest_neighbors", "linear_svm", "decision_tree"}
    for kind in ("csv", "json"):
        made = {path.name for path in reporting.glob(f"*_importances.{kind}")}
        assert made == {f"{name}_importances.{kind}" for name in finished}
