"""The pipelines that the parameters describe, run on data in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner

from kedro_dynamic import ModelSpec, TuningSpec

from {{ cookiecutter.python_package }}.pipelines.models import (
    create_pipelines,
)

RESULTS = {"fitted_model", "validation", "model_score", "metrics", "resamples"}
Parameters = dict[str, Any]


def build(created: Pipeline | Callable[[], Pipeline]) -> Pipeline:
    """Build a pipeline that is registered as a function."""
    return created if isinstance(created, Pipeline) else created()


def test_every_model_has_a_pipeline(parameters: Parameters) -> None:
    parameters["models"]["off"] = {"class": "sklearn.svm.SVC", "enabled": False}
    names = {"__default__", "split_data", "models", "models.tree", "models.neighbors"}
    assert set(create_pipelines(parameters)) == names


def test_a_model_has_a_namespace_of_its_own(parameters: Parameters) -> None:
    pipeline = build(create_pipelines(parameters)["models.tree"])
    alone = pipeline.only_nodes_with_namespaces(["models.tree"])
    assert {f"models.tree.{name}" for name in RESULTS} <= alone.all_outputs()
    assert {"X_train", "X_test", "y_train", "y_test", "folds"} <= alone.inputs()
    assert "params:models.tree" in alone.inputs()


def test_a_model_alone_takes_no_parameter_of_all_models(parameters: Parameters) -> None:
    pipeline = build(create_pipelines(parameters)["models.tree"])
    assert "params:models" not in pipeline.inputs()


def test_the_split_depends_on_whether_a_model_is_tuned(parameters: Parameters) -> None:
    def split_of(created: Any) -> Any:
        (node,) = build(created["split_data"]).only_nodes("split_data").nodes
        return node

    node = split_of(create_pipelines(parameters))
    data_and_folds = ["params:data", "params:comparison.folds", "params:random_state"]
    assert node.inputs == ["flowers", *data_and_folds]

    space = {"max_depth": {"int": [1, 5]}}
    tuned = {**parameters["models"]["tree"], "trials": 3, "search_space": space}
    parameters["models"]["tuned"] = {**tuned, "enabled": False}
    assert split_of(create_pipelines(parameters)).func is node.func
    parameters["models"]["tuned"] = tuned
    assert split_of(create_pipelines(parameters)).func is not node.func


def test_a_model_runs_alone(parameters: Parameters, catalog: DataCatalog) -> None:
    pipeline = build(create_pipelines(parameters)["models.tree"])
    results = ["models.tree.model_score", "models.tree.metrics"]
    outputs = SequentialRunner().run(pipeline.to_outputs(*results), catalog)
    score, metrics = (outputs[name].load() for name in results)
    assert metrics["model_score"] == score > 0.7
    assert metrics["validation_accuracy"] > 0.7


def test_a_model_with_trials_is_tuned_first(
    parameters: Parameters, catalog: DataCatalog, tmp_path: Path
) -> None:
    space = {"max_depth": {"int": [1, 5]}}
    parameters["models"]["tree"] |= {"trials": 3, "search_space": space}
    catalog["params:models"] = parameters["models"]
    tree = ModelSpec.model_validate(parameters["models"]["tree"])
    catalog["params:models.tree"] = tree
    catalog["params:tuning"] = TuningSpec(storage=f"sqlite:///{tmp_path}/studies.db")

    created = create_pipelines(parameters)
    tuned = build(created["models.tree"])
    names = [node.name for node in tuned.nodes]
    assert names.index("models.tree.tune_model") < names.index(
        "models.tree.validate_model"
    )
    assert "neighbors.tune_model" not in str(build(created["__default__"]).nodes)

    results = ["models.tree.trials", "models.tree.fitted_model"]
    outputs = SequentialRunner().run(tuned.to_outputs(*results), catalog)
    trials, fitted_model = (outputs[name].load() for name in results)
    assert trials[0]["arguments"] == {}  # as configured
    assert len(trials) == 3
    best = max(trials, key=lambda trial: trial["value"])
    parameters_of_parts = fitted_model.get_params().items()
    (depth,) = (value for name, value in parameters_of_parts if "max_depth" in name)
    assert depth == best["arguments"].get("max_depth")


def test_the_leaderboard_ranks_all_models(
    parameters: Parameters, catalog: DataCatalog
) -> None:
    pipeline = build(create_pipelines(parameters)["__default__"])
    outputs = SequentialRunner().run(pipeline.to_outputs("leaderboard"), catalog)
    leaderboard = outputs["leaderboard"].load()
    assert set(leaderboard["model"]) == {"tree", "neighbors", "baseline"}
    assert leaderboard["validation_accuracy"].is_monotonic_decreasing
    assert leaderboard["model"].iloc[-1] == "baseline"
