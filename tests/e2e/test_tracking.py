"""The runs in MLflow that a run makes: their state and their content."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import git

from e2e.browser import looking
from e2e.conftest import InstalledProject, free_port, wait_for
from e2e.mlflow_store import (
    MlflowRun,
    Server,
    Store,
    add_class,
    edit,
    experiments,
    mlflow_server,
    store_of,
    track_at,
    warnings_in,
    without_jobs,
)
from e2e.test_runs import MODELS, leaderboard, scores

RUNNERS = {
    "sequential": ("SequentialRunner", {}),
    "threads": ("ThreadRunner", {}),
    "fork": ("ParallelRunner", {"KEDRO_MP_CONTEXT": "fork"}),
    "spawn": ("ParallelRunner", {"KEDRO_MP_CONTEXT": "spawn"}),
}

# A node that logs to MLflow itself.
CHATTY = """
import mlflow
from sklearn.tree import DecisionTreeClassifier

class Model(DecisionTreeClassifier):
    def fit(self, X, y):
        super().fit(X, y)
        mlflow.log_metric("depth_logged_by_the_node", self.get_depth())
        return self
"""


@pytest.fixture(scope="module")
def server(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Return an MLflow server for the tests of this module."""
    folder = tmp_path_factory.mktemp("server") / "mlflow"
    with mlflow_server(installed, folder) as server:
        yield server


@pytest.mark.parametrize(
    ("how", "where"),
    [*((how, "sqlite") for how in RUNNERS if how != "spawn"), ("spawn", "server")],
)
def test_runs_of_every_runner(
    project: InstalledProject, how: str, where: str, request: pytest.FixtureRequest
) -> None:
    add_class(project, "chatty", "chatty", CHATTY)
    models = {*MODELS, "chatty"}
    store = store_of(project)
    if where == "server":
        server: Server = request.getfixturevalue("server")
        store = server.store
        track_at(project, server.uri)
    known = store.runs() if store.database.exists() else []
    runner, env = RUNNERS[how]

    began = time.time() * 1000
    printed = project.run("kedro", "run", "--runner", runner, env=env).stdout
    ended = time.time() * 1000

    parent, children = store.family(*known)
    assert children.keys() == models
    assert {run.status for run in (parent, *children.values())} == {"FINISHED"}
    for child in children.values():
        assert began <= child.start <= child.end <= ended
        assert parent.start <= child.start
        assert child.end <= parent.end
    logged = {"validation_accuracy", "depth_logged_by_the_node"}
    assert parent.metrics.keys() == logged
    if where == "server":
        # Everything is on the server.
        assert not store_of(project).database.exists()
        follow_links(printed, parent)
        return

    # On every runner, a model that fails is tracked the same way.
    known = store.runs()
    wrong = "--params=models.linear_svm.model_kwargs.kernel=crooked"
    failed = project.run(
        "kedro", "run", "--runner", runner, wrong, env=env, check=False
    )
    assert failed.returncode != 0
    parent, children = store.family(*known)
    assert parent.status == "FAILED"
    assert children.keys() == models
    svm = children.pop("linear_svm")
    assert svm.status == "FAILED"
    assert "crooked" in svm.tags["error"]
    assert "Traceback" in svm.tags["traceback"]
    for child in children.values():
        assert child.status == "FINISHED", child
        assert "model_score" in child.metrics, child


def follow_links(printed: str, parent: MlflowRun) -> None:
    """Open the report and all runs in MLflow, at the addresses that a run prints."""
    found = re.findall(r"^(in MLflow|all runs) +(http\S+)", printed, re.MULTILINE)
    addresses = dict(found)
    with looking() as page:
        page.goto(addresses["in MLflow"])
        report = page.frame_locator("iframe").locator("h1")
        report.wait_for(timeout=60_000)
        page.goto(addresses["all runs"])
        page.get_by_text("Leaderboard by validation_accuracy").wait_for()
        page.get_by_text(parent.name).first.wait_for()


@dataclass(frozen=True)
class TrackedRun:
    """A project after one run, with the MLflow runs."""

    project: InstalledProject
    store: Store
    parent: MlflowRun
    children: dict[str, MlflowRun]


@pytest.fixture(scope="module")
def tracked(
    installed: InstalledProject, tmp_path_factory: pytest.TempPathFactory
) -> TrackedRun:
    """Return a project under version control that has been run once."""
    project = installed.copy(tmp_path_factory.mktemp("tracked") / "iris")
    git(project.path, "init", "--quiet")
    git(project.path, "add", "--all")
    git(project.path, "commit", "--quiet", "--message", "project")
    # The score of this model shows whether the parameter is in the logged command.
    shallow = "--params=models.decision_tree.model_kwargs.max_depth=1,purpose=a test"
    project.run("kedro", "run", "--pipelines=split_data,models", shallow)
    store = store_of(project)
    return TrackedRun(project, store, *store.family())


def test_the_parent_run(tracked: TrackedRun) -> None:
    project, parent = tracked.project, tracked.parent

    expected_params = {
        "comparison.folds": "5",
        "comparison.scoring": "['auto']",
        "data.drop": "[]",
        "data.encode": "auto",
        "data.target_column": "species",
        "data.train_fraction": "0.8",
        "random_state": "3",
    }
    assert parent.params.items() >= expected_params.items()
    children = tracked.children.values()
    best = max(child.metrics["validation_accuracy"] for child in children)
    assert parent.metrics == {"validation_accuracy": best}
    assert parent.name == f"{parent.tags['best_model']} {best:.3f}"
    assert parent.tags["verdict"] in parent.tags["mlflow.note.content"]
    tags = parent.tags
    assert tags["mlflow.source.git.commit"] == commit(project)
    assert re.fullmatch(r"\d+\.\d+\.\d+", tags["kedro_version"])
    assert {"split_data", "models"} <= set(re.findall(r"\w+", tags["pipeline_names"]))
    assert "max_depth" in tags["runtime_params"]
    assert "a test" in tags["runtime_params"]

    artifacts = tracked.store.artifacts / parent.id / "artifacts"
    assert {path.name for path in artifacts.iterdir()} == {
        "leaderboard.csv",
        "report_models+split_data.html",
        "parameters.yml",
        "versions.txt",
    }
    logged = (artifacts / "leaderboard.csv").read_text()
    on_disk = project.path / "data/08_reporting/leaderboard.csv"
    # The file has six digits; MLflow has the table as it was loaded.
    assert logged.splitlines()[0] == on_disk.read_text().splitlines()[0]
    assert len(logged.splitlines()) == len(on_disk.read_text().splitlines())

    ((name, digest, source),) = tracked.store.rows(
        "SELECT name, digest, dataset_source FROM datasets JOIN inputs "
        "ON source_id = dataset_uuid WHERE destination_id = ?",
        parent.id,
    )
    assert name == "example_iris_data"
    assert json.loads(source) == {"uri": "data/01_raw/iris.csv"}
    for child in tracked.children.values():
        assert child.tags["data"] == "data/01_raw/iris.csv"
        assert child.tags["data_digest"] == digest


def test_a_child_run(tracked: TrackedRun, tmp_path: Path) -> None:
    project, parent, children = tracked.project, tracked.parent, tracked.children

    assert children["linear_svm"].params == {
        "class": "SVC",
        "model_kwargs.kernel": "linear",
        "model_kwargs.C": "0.025",
        "encode": "auto",
        "random_state": "3",
    }
    assert children["decision_tree"].params["model_kwargs.max_depth"] == "1"
    for model, child in children.items():
        path = project.path / f"data/08_reporting/{model}_metrics.json"
        metrics = json.loads(path.read_text())
        assert child.metrics == pytest.approx(metrics, rel=1e-5)
        assert child.tags.items() >= {
            ("model", model),
            ("namespace", f"models.{model}"),
            ("mlflow.parentRunId", parent.id),
            ("mlflow.source.git.commit", commit(project)),
        }
        assert child.status == "FINISHED"
        assert parent.start <= child.start <= child.end <= parent.end
        fitted_model = Path(child.tags["fitted_model"])
        assert project.path / fitted_model == (
            project.path / f"data/06_models/{model}_model.pkl"
        )

    # One model is registered, with its files and its recipe.
    ((version, run_id),) = tracked.store.versions(project.package).items()
    assert tracked.store.champion(project.package) == version
    assert tracked.store.logged_models().keys() == {run_id}
    assert (tracked.store.artifacts / run_id / "artifacts/recipe.json").is_file()

    # The command in the tag reproduces the score of its model.
    score = scores(project)["decision_tree"]
    project = project.copy(tmp_path / "iris")
    for path in (project.path / "data/06_models").glob("*.json"):
        path.unlink()
    known = store_of(project).runs()
    project.run(*shlex.split(children["decision_tree"].tags["kedro_command"]))
    assert scores(project) == {"decision_tree": score}
    _, again = store_of(project).family(*known)
    assert again.keys() == {"decision_tree"}
    assert again["decision_tree"].params == children["decision_tree"].params


SEARCH = """
import json, sys
import mlflow
mlflow.set_tracking_uri("sqlite:///mlflow.db")
runs = mlflow.search_runs(
    experiment_names=[sys.argv[1]],
    filter_string=f"tags.`mlflow.parentRunId` = '{sys.argv[2]}'",
    order_by=["metrics.validation_accuracy DESC"],
)
runs.columns = runs.columns.str.removeprefix("tags.").str.removeprefix("metrics.")
table = runs[json.loads(sys.argv[3])]
print("TABLE", table.to_json(orient="records", double_precision=15))
"""


def test_search_finds_the_leaderboard(tracked: TrackedRun) -> None:
    project, parent = tracked.project, tracked.parent
    csv = tracked.store.artifacts / parent.id / "artifacts/leaderboard.csv"
    header, *lines = csv.read_text().splitlines()
    columns = header.split(",")
    arguments = (project.package, parent.id, json.dumps(columns))
    output = project.run("python", "-c", SEARCH, *arguments).stdout

    (found,) = re.findall(r"^TABLE (.*)$", output, re.MULTILINE)
    expected, notes = {}, {}
    for line in lines:
        row = dict(zip(columns, line.split(","), strict=True))
        model = row.pop("model")
        if model != "baseline":
            notes[model] = row.pop("note", "")  # a tag, not a metric
            expected[model] = {key: float(value) for key, value in row.items()}
    rows = json.loads(found)
    assert {row["model"]: row.pop("note", None) or "" for row in rows} == notes
    # The file has six digits.
    table = {row.pop("model"): pytest.approx(row, rel=1e-5, abs=1e-6) for row in rows}
    assert expected == table
    scores_found = [row["validation_accuracy"] for row in json.loads(found)]
    assert scores_found == sorted(scores_found, reverse=True)


def test_mlflow_ui_shows_the_store_of_the_project(
    tracked: TrackedRun, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "ui.log"
    notebooks = tracked.project.path / "notebooks"
    command = ["kedro", "mlflow", "ui", "--host=127.0.0.1", f"--port={port}"]
    uri = f"http://127.0.0.1:{port}"
    project = without_jobs(tracked.project)
    with project.background(*command, cwd=notebooks, log=log) as process:
        wait_for(lambda: experiments(uri) is not None, process, log)
        assert project.package in (experiments(uri) or ())
    assert {path.name for path in notebooks.iterdir()} == {"explore.ipynb"}


def test_a_store_that_takes_no_files(project: InstalledProject) -> None:
    store = store_of(project)
    # A file where MLflow wants the folder of its models.
    store.artifacts.mkdir()
    (store.artifacts / "models").touch()
    output = project.run("kedro", "run").stdout
    (warning,) = warnings_in(output)
    assert "mlflow.db lacks this run, or part of it" in warning
    parent, children = store.family()
    assert parent.status == "FINISHED"
    assert {name: child.status for name, child in children.items()} == dict.fromkeys(
        MODELS, "FINISHED"
    )
    assert store.champion(project.package) is None
    assert leaderboard(project)
    # A project without git has no commit.
    assert "mlflow.source.git.commit" not in parent.tags


SESSIONS = """
from pathlib import Path
import mlflow
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

def run(pipeline):
    with KedroSession.create(project_path=Path.cwd()) as session:
        session.run(pipeline_names=[pipeline])

bootstrap_project(Path.cwd())
mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run(run_name="outer") as outer:
    run("__default__")
    assert mlflow.active_run().info.run_id == outer.info.run_id
    assert mlflow.get_run(outer.info.run_id).info.status == "RUNNING"
    mlflow.log_metric("logged_afterwards", 1)
run("models.linear_svm")
run("models")
"""


def test_sessions_in_one_process(project: InstalledProject) -> None:
    project.run("python", "-c", SESSIONS)

    runs = store_of(project).runs()
    assert {run.status for run in runs} == {"FINISHED"}
    parents = {run.id: run for run in runs if run.parent is None}
    models = "nearest_neighbors 0.967"
    assert {run.name for run in parents.values()} == {
        "outer",
        "models.linear_svm",
        models,
    }
    children: dict[str, set[str]] = {}
    for run in runs:
        if run.parent is not None:
            children.setdefault(parents[run.parent].name, set()).add(run.tags["model"])
    assert children == {
        "outer": set(MODELS),
        models: set(MODELS),
        "models.linear_svm": {"linear_svm"},
    }
    (outer,) = (run for run in parents.values() if run.name == "outer")
    assert outer.metrics.keys() >= {"validation_accuracy", "logged_afterwards"}


def test_mistakes_in_tracking_yml(project: InstalledProject) -> None:
    edit(project, "tracking.yml", "on_unreachable: local", "on_unreachable: remote")
    edit(project, "tracking.yml", "timeout_seconds", "timeout_second")
    edit(project, "tracking.yml", "margin: 0.0", "margin: -1")
    done = project.run("kedro", "run", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    message = done.stdout.rpartition("tracking.yml has 3 problems:")[2]
    for problem in (
        r"on_unreachable: .*'local'.*'remote'",
        r"timeout_second: unknown key; did you mean 'timeout_seconds'\?",
        r"champion\.margin: .*-1",
    ):
        assert re.search(rf"^  {problem}", message, re.MULTILINE), message
    assert not store_of(project).database.exists()


def commit(project: InstalledProject) -> str:
    """Return the commit that is checked out."""
    return git(project.path, "rev-parse", "HEAD").strip()
