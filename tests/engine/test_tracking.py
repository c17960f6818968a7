"""What a run leaves in MLflow, and where."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import mlflow
import pytest
from filelock import FileLock
from iris.engine import ConfigurationError, ModelSpec
from iris.engine.errors import one_line, parse
from iris.engine.tracking import runs, store, write
from iris.engine.tracking.champion import TrackingConfig
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient

from engine.mlflow_store import new_store, open_run

TREE = ModelSpec.model_validate(
    {"class": "sklearn.tree.DecisionTreeClassifier", "model_kwargs": {"max_depth": 1}}
)


def score(model: ModelSpec) -> dict[str, float]:
    return {}


MODEL = Pipeline([Node(score, "params:model", "metrics", name="score")])
BOTH = Pipeline(
    [
        Pipeline(MODEL, namespace=space, parameters={"params:model": f"params:{space}"})
        for space in ("models.a", "models.b")
    ]
)


class Run:
    """A run of two models under way; what it makes is written by hand."""

    def __init__(self, folder: Path, client: Any = None, *, only_missing: bool = False):
        """Begin the run; its models' files go into the folder."""
        self.folder = folder
        path = f"{folder}/{{name}}.json"
        pattern = {"type": "json.JSONDataset", "filepath": path}
        catalog = DataCatalog.from_config({"models.{name}.metrics": pattern})
        catalog["params:models.a"] = catalog["params:models.b"] = TREE
        self.kedro_run = runs.KedroRun(
            client,
            (active := mlflow.active_run()) and active.info.run_id,
            {"only_missing_outputs": only_missing, "project_path": folder},
            BOTH,
            catalog,
            runs.snapshot(BOTH, catalog),
        )

    def write(self, model: str, **metrics: Any) -> None:
        """Write the metrics of a model."""
        (self.folder / f"{model}.json").write_text(json.dumps(metrics))

    def models(self, error: Exception | None = None) -> dict[str, runs.ModelRun]:
        """Return what is to be said of the models, by their names."""
        return {model.name: model for model in runs.model_runs(self.kedro_run, error)}


def test_finished_models_have_metrics_and_times(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write("a", model_score=0.9, fit_seconds=3.0)
    model = run.models()["a"]
    assert (model.status, model.namespace) == ("FINISHED", "models.a")
    assert model.metrics["model_score"] == 0.9
    assert model.end == (tmp_path / "a.json").stat().st_mtime
    assert model.start == model.end - 3


def test_a_failed_model_has_its_error(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write("a", model_score=0.9)
    run.write("b", error="ValueError: no", traceback="long " * 2000 + "end")
    models = run.models()
    assert {name: model.status for name, model in models.items()} == {
        "a": "FINISHED",
        "b": "FAILED",
    }
    assert models["b"].tags["error"] == "ValueError: no"
    assert models["b"].tags["traceback"].endswith("end")


def test_what_a_run_did_not_make_is_none_of_its_own(tmp_path: Path) -> None:
    Run(tmp_path).write("a", model_score=0.9)
    # A full run writes anew; one that is stopped before is not to have the old score.
    assert Run(tmp_path).models() == {}
    stopped = Run(tmp_path).models(ValueError("stop"))
    assert {model.status for model in stopped.values()} == {"KILLED"}
    assert not any(model.metrics for model in stopped.values())

    resumed = Run(tmp_path, only_missing=True)
    assert resumed.models() == {}
    resumed.write("b", model_score=0.8)
    models = resumed.models()
    assert (models["a"].reused, models["b"].reused) == (True, False)
    assert models["a"].metrics == {"model_score": 0.9}


def test_runs_in_the_store(tmp_path: Path) -> None:
    with open_run(tmp_path) as client:
        run = Run(tmp_path, client)
        run.write("a", model_score=0.9, fit_seconds=900.0)
        run.write("b", error="ValueError: no", traceback="at http://me:pw@host")
        runs.record(run.kedro_run, None)
        parent = client.get_run(run.kedro_run.id)
        children = {
            child.info.run_name: child
            for child in client.search_runs([parent.info.experiment_id])
            if child.data.tags.get("mlflow.parentRunId") == parent.info.run_id
        }
    assert parent.data.metrics == {"a.model_score": 0.9}
    assert children["a"].data.params == {
        "class": "sklearn.tree.DecisionTreeClassifier",
        "model_kwargs.max_depth": "1",
    }
    assert children["a"].data.tags.items() >= {
        ("model", "a"),
        ("namespace", "models.a"),
        ("kedro_command", "kedro run --pipelines models.a"),
    }
    # However long ago it was fitted.
    assert children["a"].info.start_time >= parent.info.start_time
    assert children["b"].info.status == "FAILED"
    assert children["b"].data.tags["traceback"] == "at http://***@host"


def test_a_run_holds_what_mlflow_itself_would_refuse(tmp_path: Path) -> None:
    odd = {"setosa>50K": 2, "setosa<50K": 1, "a//b": 3, "../c": 4, "": 5}
    given = write.flatten({"class_weight": odd, "x" * 300: "y" * 9000})
    many = {str(number): float(number) for number in range(1100)}
    with open_run(tmp_path) as client:
        run_id = client.create_run("0").info.run_id
        write.log_batch(client, run_id, {"%": 1} | many, given, {"a": "b"})
        data = client.get_run(run_id).data
    assert len(data.metrics) == 1101
    assert data.params["class_weight.setosa_50K"] == "2"
    assert data.params["class_weight.setosa_50K_"] == "1"
    assert max(map(len, data.params.values())) == write.MAX_LENGTH
    assert len(data.params) == 6


def test_values_are_told_as_mlflow_holds_them() -> None:
    nested = {"a": {"b": {"c": 1}, "d": {}}, "e": [2], "tree": TREE}
    flat = write.flatten(nested)
    assert flat.items() >= {"a.b.c": 1, "a.d": {}, "e": [2]}.items()
    assert flat["tree.model_kwargs.max_depth"] == 1
    assert write.numbers({"a": 1, "b": "x", "c": None}) == {"a": 1.0}
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"


@pytest.mark.parametrize(
    ("uri", "anchored"),
    [
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:////elsewhere/mlflow.db", "sqlite:////elsewhere/mlflow.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
    ],
)
def test_relative_stores_begin_at_the_project(uri: str, anchored: str) -> None:
    assert store.anchor(uri, Path("/project")) == anchored


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_port_where_nobody_listens_does_not_answer(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{scheme}://127.0.0.1:{unused.getsockname()[1]}/db"
        assert not store.answers(address, timeout_seconds=1)


def test_a_server_that_accepts_and_says_nothing_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not store.answers(address, timeout_seconds=0.2)
    assert store.answers("sqlite:///mlflow.db", timeout_seconds=1)


def test_a_lock_that_is_held_is_told_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    uri = new_store(tmp_path)
    monkeypatch.setattr(store, "SILENT", 0.05)
    monkeypatch.setattr(store, "PATIENT", 0.05)
    with FileLock(tmp_path / "mlflow.db.lock"):
        with pytest.raises(ConfigurationError, match=r"mlflow\.db\.lock"):
            store.store_lock(uri).__enter__()
        assert "Another process is at work in mlflow.db" in caplog.text
    with store.store_lock(uri):
        pass


def test_runs_of_dead_processes_are_closed(tmp_path: Path) -> None:
    client = MlflowClient(new_store(tmp_path))
    dead, alive, odd = (client.create_run("0").info.run_id for _ in range(3))
    child = client.create_run("0", tags={"mlflow.parentRunId": dead}).info.run_id
    mine = client.create_run("0").info.run_id
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    for run_id, process in ((dead, pid), (alive, os.getppid()), (odd, "x")):
        client.set_tag(run_id, store.PROCESS, f"{process}@{store.HOST}")
    store.close_interrupted(client, mine)
    status = {
        run_id: client.get_run(run_id).info.status
        for run_id in (dead, child, alive, odd, mine)
    }
    assert [status[one] for one in (dead, child)] == ["KILLED", "KILLED"]
    assert {status[one] for one in (alive, odd, mine)} == {"RUNNING"}


def test_a_store_is_set_up_in_the_project(tmp_path: Path) -> None:
    config: dict[str, Any] = {"server": {}}
    uri = new_store(tmp_path)
    began = time.monotonic()
    store.configure(config, uri, tmp_path, 1)
    assert time.monotonic() - began < 2
    created = config["tracking"]["experiment"]["create_experiment_kwargs"]
    assert created["artifact_location"] == (tmp_path / "mlartifacts").as_uri()
    assert config["tracking"]["run"] == {"nested": False}
    with pytest.raises(ConnectionError):
        store.configure(config, "http://127.0.0.1:9", tmp_path, 1)


def test_off_is_not_false_and_mistakes_are_named() -> None:
    config = parse(TrackingConfig, {"on_unreachable": False}, "tracking.yml")
    assert config.on_unreachable == "off"
    wrong = {"timeout_second": 1, "champion": {"margin": -1}}
    with pytest.raises(ConfigurationError) as error:
        parse(TrackingConfig, wrong, "tracking.yml")
    assert "did you mean 'timeout_seconds'?" in error.value.message
    assert "champion.margin" in error.value.message
