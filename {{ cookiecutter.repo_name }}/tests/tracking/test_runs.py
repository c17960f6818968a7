"""What is written of a run, and of each model in it."""

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from mlflow import MlflowClient

from {{ cookiecutter.python_package }}.pipelines.models.pipeline import (
    create_pipelines,
)
from {{ cookiecutter.python_package }}.pipelines.models.specs import ModelSpec
from {{ cookiecutter.python_package }}.tracking import runs
from {{ cookiecutter.python_package }}.tracking.command import kedro_command
from {{ cookiecutter.python_package }}.tracking.values import flatten

TREE = {
    "class": "sklearn.tree.DecisionTreeClassifier",
    "model_kwargs": {"max_depth": 1},
}
SPLIT = {"train_fraction": 0.8, "random_state": 3, "target_column": "species"}


@pytest.fixture
def catalog() -> DataCatalog:
    catalog = DataCatalog.from_config(
        {"models.{namespace}.fitted_model": {"type": "MemoryDataset"}}
    )
    catalog["parameters"] = {**SPLIT, "models": {"a": TREE, "b": TREE}}
    for name, value in SPLIT.items():
        catalog[f"params:{name}"] = value
    for name in ("a", "b"):
        catalog[f"params:models.{name}"] = ModelSpec.model_validate(TREE)
        catalog[f"models.{name}.metrics"] = {"model_score": 0.9, "fit_seconds": 2.0}
    return catalog


COMPLETED = {
    f"models.{model}.{node}_model": time
    for time, (model, node) in enumerate(
        [("a", "fit"), ("b", "fit"), ("a", "score"), ("b", "score")], start=100
    )
}


def collect(catalog: DataCatalog, **arguments: Any) -> dict[str, runs.ModelRun]:
    pipeline = create_pipelines(catalog)["models"]
    return {run.name: run for run in runs.model_runs(pipeline, catalog, **arguments)}


def test_finished_models_have_metrics_and_times(catalog: DataCatalog) -> None:
    run = collect(catalog, completed=COMPLETED)["a"]
    assert (run.status, run.namespace) == ("FINISHED", "models.a")
    assert (run.start, run.end) == (100, 102)
    assert run.metrics["model_score"] == 0.9


def test_a_failed_model_is_told_from_those_that_were_stopped(
    catalog: DataCatalog,
) -> None:
    error = ValueError("no fit")
    runs.note_failed_node(error, "models.b.fit_model")
    completed = {"models.a.fit_model": 100.0}
    models = collect(catalog, completed=completed, error=error)
    assert (models["b"].status, models["b"].error) == ("FAILED", "ValueError: no fit")
    assert models["a"].status == "KILLED"
    assert not models["a"].metrics


def test_a_model_that_finished_before_the_error_is_finished(
    catalog: DataCatalog,
) -> None:
    error = ValueError("no fit")
    runs.note_failed_node(error, "models.b.score_model")
    completed = {
        name: time for name, time in COMPLETED.items() if "b.score" not in name
    }
    models = collect(catalog, completed=completed, error=error)
    assert {name: run.status for name, run in models.items()} == {
        "a": "FINISHED",
        "b": "FAILED",
    }


def test_parameters_of_models_are_not_those_of_the_pipeline(
    catalog: DataCatalog,
) -> None:
    pipeline = create_pipelines(catalog)["__default__"]
    assert runs.pipeline_parameters(pipeline, catalog) == SPLIT


@pytest.mark.parametrize(
    ("namespace", "name", "command"),
    [
        ("models.svm", "svm", "kedro run --pipelines models.svm"),
        (
            "benchmark.iris.svm",
            "iris.svm",
            "kedro run --pipelines benchmark.iris --namespaces benchmark.iris.svm",
        ),
    ],
)
def test_a_model_has_a_name_and_a_command_of_its_own(
    namespace: str, name: str, command: str
) -> None:
    run = runs.ModelRun(namespace, ModelSpec.model_validate(TREE), 0, 0)
    assert run.name == name
    assert kedro_command(run.pipeline) == command


def test_a_run_holds_what_mlflow_itself_would_refuse(project: Path) -> None:
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    run_id = client.create_run("0").info.run_id
    class_weight = {"setosa>50K": 2, "setosa<50K": 1, "a//b": 3, "../c": 4, "": 5}
    given = flatten({"class_weight": class_weight, "x" * 300: {"password": "y"}})
    runs.log_batch(client, run_id, params=given, tags={"a?": "b"}, metrics={"%": 1})
    data = client.get_run(run_id).data
    assert sorted(data.params.values()) == ["***", "1", "2", "3", "4", "5"]
    assert data.params["class_weight.setosa_50K"] == "2"
    assert data.params["class_weight.setosa_50K_"] == "1"
    assert (data.tags["a_"], data.metrics) == ("b", {"_": 1})


def test_trials_are_steps_of_one_metric_in_one_batch() -> None:
    batches: list[list[tuple[str, float, int]]] = []

    class Client:
        def log_batch(self, run_id: str, metrics: Any, **others: Any) -> None:
            batches.append([(one.key, one.value, one.step) for one in metrics])

    client: Any = Client()
    runs.log_batch(client, "id", metrics={"a": 1.0}, trials={0: 0.8, 2: 0.9})
    assert batches == [
        [("a", 1.0, 0), ("trial_value", 0.8, 0), ("trial_value", 0.9, 2)]
    ]
